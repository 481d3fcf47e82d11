"""Decision rates: sensitivity, specificity and predictive values at the deployed operating point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from detectors.measurement import Measurement
from detectors.patients import performance_dispersion
from detectors.readings import Readings
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally
from detectors.verification import PAIRS, Shares, verified
from detectors.verified_rates import measure_shares, places_of


def decision_rates(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure how often the model was right, for every finding and cell; only a fall breaches.

    sensitivity: flagged among positives. specificity: not flagged among negatives. positive_predictive_value: positive among flagged.
    negative_predictive_value: negative among not flagged. Predictive values follow prevalence: read them beside it. All four are of all
    films, also of those that nobody read, by verification.py; where only flagged films are read, three of them are `insufficient`.
    n: plain labels that would say as much. Interval: Wilson at n / phi; limit: rates.py; shown from 10, judged from 50 (rates.py).
    """
    usual, places = _usual(reference), places_of(reference)
    dispersion = performance_dispersion(reference, window)
    phi = np.array([dispersion(*place) for place in places])
    now = verified(reference.schema, window, reference.schema.findings, reference.cells)
    return Readings.joined(measure_shares(reference, name, "low", now=now.share(name), then=usual[name], phi=phi) for name in PAIRS)


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Mapping[str, Shares]:
    """What the reference itself shows, by rate."""
    then = verified(reference.schema, reference.tallies, reference.schema.findings, reference.cells)
    return {name: then.share(name) for name in PAIRS}
