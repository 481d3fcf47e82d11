"""Verified rates: shares of all films, as far as they were read, held against the reference's."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.measurement import Measurement
from detectors.patients import Dispersion
from detectors.rates import Rate, measure_rates
from detectors.reference import Reference
from detectors.verification import Shares


def measure_shares(
    reference: Reference, name: str, side: str, finding: str, *, now: Shares, then: Shares, dispersion: Dispersion
) -> Sequence[Measurement]:
    """Measure one share in every cell of a reference: Wilson's interval and the limit of rates.py, or the reason why there is no number.

    Args:
        reference: Its cells are the rows of the shares.
        name: Of the measurement.
        side: As in `measure_rates`.
        finding: What was read.
        now: Of the window.
        then: Of the reference.
        dispersion: Of the finding in a cell.
    """
    counted = [row for row, reason in enumerate(now.reasons) if not reason]
    rates = [
        Rate(
            k=float(now.hits[row]),
            n=float(now.n[row]),
            k_reference=float(then.hits[row]),
            n_reference=float(then.n[row]),
            dispersion=dispersion(finding, reference.cells[row]),
            minimum_odds_ratio=reference.plan.minimum_odds_ratio,
            cell=reference.cells[row],
            finding=finding,
        )
        for row in counted
    ]
    measured = dict(zip(counted, measure_rates(name, rates, side), strict=True))
    return [
        measured[row]
        if row in measured
        else Measurement.insufficient(name, round(now.labels[row]), now.reasons[row], cell=cell, finding=finding)
        for row, cell in enumerate(reference.cells)
    ]
