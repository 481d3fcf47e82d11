"""Verified rates: shares of all films, as far as they were read, held against the reference's."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.measurement import Measurement
from detectors.plan import ALL
from detectors.rates import Rate, measure_rate
from detectors.reference import Reference
from detectors.series import Family
from detectors.verification import Shares


def measure_shares(
    reference: Reference, name: str, side: str, finding: str, *, now: Shares, then: Shares, family: Family, within_cells: bool
) -> Sequence[Measurement]:
    """Measure one share in every cell of a reference: Wilson's interval and the limit of rates.py, or the reason why there is no number.

    Args:
        reference: Its cells are the rows of the shares.
        name: Of the measurement.
        side: As in `measure_rate`.
        finding: What was read.
        now: Of the window.
        then: Of the reference.
        family: Whose dispersion counts.
        within_cells: Whether each cell has a dispersion of its own.
    """
    found = []
    for row, cell in enumerate(reference.cells):
        if now.reasons[row]:
            found.append(Measurement.insufficient(name, round(now.labels[row]), now.reasons[row], cell=cell, finding=finding))
            continue
        rate = Rate(
            k=float(now.hits[row]),
            n=float(now.n[row]),
            k_reference=float(then.hits[row]),
            n_reference=float(then.n[row]),
            dispersion=reference.dispersion_of(family, cell=cell if within_cells else ALL, finding=finding),
            minimum_odds_ratio=reference.plan.minimum_odds_ratio,
        )
        found.append(measure_rate(name, rate, side, cell=cell, finding=finding))
    return found
