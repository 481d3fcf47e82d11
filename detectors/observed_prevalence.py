"""Observed prevalence: how many of the labelled films are positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.measurement import Measurement
from detectors.rates import Rate, measure_rate
from detectors.reference import Reference
from detectors.tally import Tally, tally_of


def observed_prevalence(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of positives among labelled films, for every finding and cell; either direction breaches.

    Comparable with the reference only while labels come from the same source and are given to the same kind of film. Interval: Wilson
    at n / phi; limit: rates.py.
    """
    return [
        measure_rate("observed_prevalence", _rate(reference, window, finding, cell), "both", cell=cell, finding=finding)
        for finding in reference.schema.findings
        for cell in reference.cells
    ]


def _rate(reference: Reference, window: Mapping[str, Tally], finding: str, cell: str) -> Rate:
    labelled, positive = tally_of(reference.schema, window, cell).groups(finding).sum(axis=1)
    labelled_then, positive_then = reference.tallies[cell].groups(finding).sum(axis=1)
    return Rate(
        k=int(positive),
        n=int(labelled),
        k_reference=int(positive_then),
        n_reference=int(labelled_then),
        dispersion=reference.dispersion_of("prevalence", finding=finding),
        minimum_odds_ratio=reference.plan.minimum_odds_ratio,
    )
