"""Flag rate: how many films the model calls positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from detectors.measurement import Measurement
from detectors.rates import Rate, measure_rates
from detectors.reference import Reference
from detectors.schema import NEGATIVE, POSITIVE, UNLABELLED
from detectors.tally import Tally, tally_of

STATES = (UNLABELLED, NEGATIVE, POSITIVE)


def flag_rate(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of scores at or above the operating point, for every finding and cell; either direction breaches.

    Interval: Wilson at n / phi; limit: rates.py.
    """
    schema = reference.schema
    places = [[schema.blocks[f"decisions/{finding}"].at(state, 1) for state in STATES] for finding in schema.findings]
    flagged = np.array(places, dtype=np.int64).reshape(-1, len(STATES))
    phi = [reference.dispersion_of("score", finding=finding) for finding in schema.findings]
    now, then = ([tally_of(schema, tallies, cell) for cell in reference.cells] for tallies in (window, reference.tallies))
    k, k_reference = (np.array([one.vector[flagged].sum(axis=1) for one in tallies]).T.tolist() for tallies in (now, then))
    rates = [
        Rate(k[place][row], now[row].n, k_reference[place][row], then[row].n, phi[place], reference.plan.minimum_odds_ratio, cell, finding)
        for place, finding in enumerate(schema.findings)
        for row, cell in enumerate(reference.cells)
    ]
    return measure_rates("flag_rate", rates, "both")
