"""Decision rates: sensitivity, specificity and predictive values at the deployed operating point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.measurement import Measurement
from detectors.rates import Rate, measure_rate
from detectors.reference import Reference
from detectors.schema import NEGATIVE, POSITIVE
from detectors.tally import Tally, tally_of

BELOW, FLAGGED = 0, 1
CELLS = {
    "sensitivity": ((POSITIVE, FLAGGED), (POSITIVE, BELOW)),
    "specificity": ((NEGATIVE, BELOW), (NEGATIVE, FLAGGED)),
    "positive_predictive_value": ((POSITIVE, FLAGGED), (NEGATIVE, FLAGGED)),
    "negative_predictive_value": ((NEGATIVE, BELOW), (POSITIVE, BELOW)),
}
"""For each rate, the right decisions and the wrong ones, as places in `Tally.decisions`."""


def decision_rates(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure how often the model was right, for every finding and cell; only a fall breaches.

    sensitivity: flagged among positives. specificity: not flagged among negatives. positive_predictive_value: positive among flagged.
    negative_predictive_value: negative among not flagged. Predictive values follow prevalence: read them beside it. Labelled films
    only, so all four need labels that are not given by the model's own answer. Counts are exact at the operating point.
    Interval: Wilson at n / phi; limit: rates.py; shown from 10, judged from 50 (rates.py).
    """
    return [
        measure_rate(name, _rate(reference, window, name, finding, cell), "low", cell=cell, finding=finding)
        for finding in reference.schema.findings
        for cell in reference.cells
        for name in CELLS
    ]


def _rate(reference: Reference, window: Mapping[str, Tally], name: str, finding: str, cell: str) -> Rate:
    now, then = tally_of(reference.schema, window, cell).decisions(finding), reference.tallies[cell].decisions(finding)
    right, wrong = CELLS[name]
    return Rate(
        k=int(now[right]),
        n=int(now[right] + now[wrong]),
        k_reference=int(then[right]),
        n_reference=int(then[right] + then[wrong]),
        dispersion=reference.dispersion_of("performance", cell=cell, finding=finding),
        minimum_odds_ratio=reference.plan.minimum_odds_ratio,
    )
