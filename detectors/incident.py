"""Incidents: one cause lights many series, and gives one alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.evidence import State, evidence
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.series import SIDES, Series, Side
from detectors.shift import identify
from detectors.surprise import surprise
from detectors.tally import Tally, added
from detectors.whereabouts import cell_of

Group = Literal["inputs", "truth"]
Kind = Literal["acquisition", "prevalence", "both", "calibration", "performance"]

ATTACHES = 0.1
"""Evidence over its limit from which a series belongs to an incident that another one opened, and below which an alarm is over."""
PREFERENCE = 2.0
"""An acquisition attribute is named before an image statistic, embedding or score with up to this many times its surprise: it is what a
person can go and look at, and the others follow from it."""
COMPARABLE = 1 / 3
"""Scores that moved at least this much as the inputs (in surprise) make an acquisition shift one of both kinds."""
Floats = NDArray[np.float64]


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


@dataclass(frozen=True, slots=True)
class Incident:
    """What has changed, as far as the evidence goes: one cause, with the series that carry it, the most telling first.

    family: "inputs" (no label needed) or "truth" (labels).
    cell: where it lives. since: day on which it is estimated to have begun.
    """

    family: Group
    kind: Kind
    cell: str
    since: int
    evidence: float
    carriers: tuple[Carrier, ...]

    @property
    def summary(self) -> str:
        """One sentence: what moved, from where to where, on how many observations."""
        first, others = self.carriers[0], len(self.carriers) - 1
        subject = f"{first.series.feature or first.series.finding} {first.series.bin}"
        moved = f"{subject}: {100 * first.reference_rate:.1f} % -> {100 * first.rate:.1f} % of {first.n}"
        return f"{self.kind} shift in {self.cell}: {moved}" + (f"; {others} more series" if others else "")


def judge(reference: Reference, state: State, recent: Mapping[int, Mapping[str, Tally]] | None = None) -> tuple[Incident, ...]:
    """Group the series over their limit into incidents, at most one for inputs and one for truth.

    A group of series has an incident when one of them has evidence of 1 or more; those above ATTACHES come along. Carriers are
    ranked by surprise, attributes first where it is comparable (PREFERENCE); what rests on labels and has only come along stands
    behind what pages by itself. The cell of a truth incident is that of its
    first carrier: a subgroup in which everything happened has more surprise than all, where it is diluted, and than other subgroups,
    where it is diluted and small. The cell of an input incident is that with the most surprise in recent tallies, of those
    outside of which all is as it was.

    kind of inputs: as shift.py identifies it from the recent tallies since it began. Where these are too few to tell: prevalence when
    only scores moved; acquisition when attributes, image statistics or the embedding moved; both when the scores moved
    comparably. kind of truth: the family of the
    first carrier. A change of P(label | score) moves calibration more than it moves prevalence, a change of prevalence the reverse.

    Args:
        reference: What is watched.
        state: Evidence at the end of a day, or within it.
        recent: Day -> cell -> tally, as many of the last days as are at hand; without it, input incidents live in "all".
    """
    over = evidence(reference, state)
    found = []
    for group in ("inputs", "truth"):
        members = _members(reference, group)
        if (over[members] >= 1).any():
            moved = _rank(_carriers(reference, state, over, members))
            found.append(_incident(reference, group, moved, recent or {}))
    return tuple(found)


def persists(reference: Reference, state: State, family: Group) -> bool:
    """Whether any series of the group still speaks for a change, so that its alarm stays open."""
    return bool((evidence(reference, state)[_members(reference, family)] >= ATTACHES).any())


def _members(reference: Reference, group: Group) -> NDArray[np.int64]:
    return np.flatnonzero([one.matured == (group == "truth") for one in reference.series])


def _carriers(reference: Reference, state: State, over: Floats, members: NDArray[np.int64]) -> list[Carrier]:
    side = state.drift[members].argmax(axis=1)
    k, n, expected = (array[members, side].astype(np.float64) for array in (state.k, state.n, state.expected))
    edge = _edges(reference, members, side, expected / np.maximum(n, 1))
    surprises = surprise(k, n, edge, side, reference.dispersion[members])
    return [
        Carrier(
            series=reference.series[member],
            side=SIDES[side[i]],
            rate=float(k[i] / max(n[i], 1)),
            reference_rate=float(expected[i] / max(n[i], 1)),
            n=int(n[i]),
            evidence=float(over[member]),
            surprise=float(surprises[i]),
            since=_day(reference, state, int(member), int(side[i])),
        )
        for i, member in enumerate(members)
    ]


def _edges(reference: Reference, members: NDArray[np.int64], side: NDArray[np.int64], expected: Floats) -> Floats:
    """Edge of the band at the mix of score groups that was seen: as many odds from the expected rate as in the reference."""
    rate, edge = reference.rates[members], reference.bands[members, side]
    inner = (rate > 0) & (rate < 1) & (expected > 0) & (expected < 1)
    moved = expit(logit(np.where(inner, expected, 0.5)) + logit(edge) - logit(np.where(inner, rate, 0.5)))
    return np.asarray(np.where(inner, moved, edge))


def _day(reference: Reference, state: State, member: int, side: int) -> int:
    onset = int(state.onset[member, side])
    if onset < 0:
        return state.day
    return onset - reference.plan.label_maturity_days * reference.series[member].matured


def _rank(carriers: Sequence[Carrier]) -> tuple[Carrier, ...]:
    def weight(one: Carrier) -> tuple[bool, float]:
        attached = one.series.matured and one.evidence < 1
        return attached, -one.surprise * (PREFERENCE if one.series.family == "acquisition" else 1.0)

    return tuple(sorted(carriers, key=weight))


def _incident(reference: Reference, group: Group, moved: tuple[Carrier, ...], recent: Mapping[int, Mapping[str, Tally]]) -> Incident:
    carriers = tuple(one for one in moved if one.evidence >= ATTACHES)
    first = carriers[0]
    days = [tallies for day, tallies in recent.items() if day >= first.since]
    return Incident(
        family=group,
        kind=_input_kind(reference, moved, days) if group == "inputs" else _truth_kind(first),
        cell=cell_of(reference, first.series, SIDES.index(first.side), days) if group == "inputs" else first.series.cell,
        since=first.since,
        evidence=max(one.evidence for one in carriers),
        carriers=carriers,
    )


def _truth_kind(first: Carrier) -> Kind:
    return (
        "calibration" if first.series.family == "calibration" else "performance" if first.series.family == "performance" else "prevalence"
    )


def _input_kind(reference: Reference, moved: Sequence[Carrier], days: Sequence[Mapping[str, Tally]]) -> Kind:
    """As identified from the films since it began (shift.py); by what moved, where these are too few to tell."""
    shift = identify(reference, added(reference.schema, [today[ALL] for today in days if ALL in today]))
    if shift is not None and shift.kind != "none":
        return shift.kind
    scores = max((one.surprise for one in moved if one.series.family == "score"), default=0.0)
    inputs = max((one.surprise for one in moved if one.series.family != "score"), default=0.0)
    if not any(one.evidence >= ATTACHES for one in moved if one.series.family != "score"):
        return "prevalence"
    return "both" if scores >= COMPARABLE * inputs else "acquisition"
