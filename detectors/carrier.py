"""Carrier: a series that carries an incident."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.series import Series, Side


@dataclass(frozen=True, slots=True)
class Carrier:
    """A series that carries an incident.

    rate, n: hits over observations since `since`; reference_rate: what the reference leads to expect of the same observations.
    evidence: over its limit. surprise: twice the log likelihood ratio of `rate` against the edge of the band, over phi.
    since: day from which the series has spoken for a change without a break.
    """

    series: Series
    side: Side
    rate: float
    reference_rate: float
    n: int
    evidence: float
    surprise: float
    since: int
