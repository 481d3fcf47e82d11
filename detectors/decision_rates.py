"""Decision rates: sensitivity, specificity and predictive values at the deployed operating point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from detectors.measurement import Measurement
from detectors.patients import performance_dispersion
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally
from detectors.verification import PAIRS, Shares, verified
from detectors.verified_rates import measure_shares


def decision_rates(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure how often the model was right, for every finding and cell; only a fall breaches.

    sensitivity: flagged among positives. specificity: not flagged among negatives. positive_predictive_value: positive among flagged.
    negative_predictive_value: negative among not flagged. Predictive values follow prevalence: read them beside it. All four are of all
    films, also of those that nobody read, by verification.py; where only flagged films are read, three of them are `insufficient`.
    n: plain labels that would say as much. Interval: Wilson at n / phi; limit: rates.py; shown from 10, judged from 50 (rates.py).
    """
    usual, dispersion = _usual(reference), performance_dispersion(reference, window)
    found: list[Measurement] = []
    for finding in reference.schema.findings:
        now = verified(reference.schema, window, reference.cells, finding)
        for name in PAIRS:
            found += measure_shares(reference, name, "low", finding, now=now.share(name), then=usual[finding, name], dispersion=dispersion)
    return found


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Mapping[tuple[str, str], Shares]:
    """What the reference itself shows, by finding and rate."""
    return {
        (finding, name): then.share(name)
        for finding in reference.schema.findings
        for then in (verified(reference.schema, reference.tallies, reference.cells, finding),)
        for name in PAIRS
    }
