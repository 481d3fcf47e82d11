"""Verified rates: shares of all films, as far as they were read, held against the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from detectors.rates import rates_of
from detectors.readings import Readings
from detectors.reference import Reference
from detectors.verification import Shares

Places = Sequence[tuple[str, str]]
"""Finding and cell of each row."""


def places_of(reference: Reference) -> Places:
    """Every finding in every cell, finding by finding: the rows of what is verified of a whole window."""
    return list(product(reference.schema.findings, reference.cells))


def measure_shares(reference: Reference, name: str, side: str, *, now: Shares, then: Shares, phi: NDArray[np.float64]) -> Readings:
    """Measure one share in every place of a reference: Wilson's interval and the limit of rates.py, or the reason why there is no number.

    Args:
        reference: Its places are the rows of the shares.
        name: Of the measurement.
        side: As in `measure_rates`.
        now: Of the window.
        then: Of the reference.
        phi: Dispersion of each place.
    """
    places = places_of(reference)
    said = np.array([not why for why in now.reasons], dtype=bool)
    counts = np.stack([now.hits, np.where(said, now.n, now.labels), then.hits, then.n, phi], axis=1)
    where = [(cell, finding, "") for finding, cell in places]
    return rates_of(name, counts, side, reference.plan.minimum_odds_ratio, where, without=now.reasons)
