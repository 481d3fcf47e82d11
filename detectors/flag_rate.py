"""Flag rate: how many films the model calls positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.measurement import Measurement
from detectors.rates import Rate, measure_rate
from detectors.reference import Reference
from detectors.tally import Tally, tally_of


def flag_rate(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of scores at or above the operating point, for every finding and cell; either direction breaches.

    Interval: Wilson at n / phi; limit: rates.py.
    """
    return [
        measure_rate("flag_rate", _rate(reference, window, finding, cell), "both", cell=cell, finding=finding)
        for finding in reference.schema.findings
        for cell in reference.cells
    ]


def _rate(reference: Reference, window: Mapping[str, Tally], finding: str, cell: str) -> Rate:
    now, then = tally_of(reference.schema, window, cell), reference.tallies[cell]
    return Rate(
        k=int(now.decisions(finding)[:, 1].sum()),
        n=now.n,
        k_reference=int(then.decisions(finding)[:, 1].sum()),
        n_reference=then.n,
        dispersion=reference.dispersion_of("score", finding=finding),
        minimum_odds_ratio=reference.plan.minimum_odds_ratio,
    )
