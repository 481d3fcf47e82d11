"""Incidents: one cause lights many series and silences many sources, and gives one alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.carrier import Carrier
from detectors.evidence import ATTACHES, State, evidence
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.series import SIDES
from detectors.shift import identify
from detectors.stopped import home_of, stopped
from detectors.surprise import surprise
from detectors.tally import Tally, added
from detectors.whereabouts import cell_of

Group = Literal["inputs", "truth", "silence"]
Kind = Literal["acquisition", "prevalence", "both", "calibration", "performance", "silence"]
GROUPS: tuple[Group, ...] = ("inputs", "truth", "silence")
BESIDE: Mapping[str, Group] = {"inputs": "silence", "silence": "inputs"}
"""Groups that one cause moves together: where a scanner stops, the shares of the others rise."""
TOGETHER = 7
"""Days within which what has moved in both of them began together."""
NOVEL = frozenset({"unseen", "missing", "out of range", "out of distribution", "far out of distribution"})
"""What appears where something was replaced; where it only stopped, nothing does."""

PREFERENCE = 2.0
"""An acquisition attribute is named before an image statistic, embedding or score with up to this many times its surprise: it is what a
person can go and look at, and the others follow from it."""
COMPARABLE = 1 / 3
"""Scores that moved at least this much as the inputs (in surprise) make an acquisition shift one of both kinds."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Incident:
    """What has changed, as far as the evidence goes: one cause, with the series that carry it, the most telling first.

    family: "inputs" (no label needed), "truth" (labels) or "silence" (no films).
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
        return self.told(hidden=False)

    def told(self, *, hidden: bool) -> str:
        """Say the same; of a handful of patients (hidden) only what moved, and which way."""
        first, others = self.carriers[0], len(self.carriers) - 1
        more = f"; {others} more series" if others else ""
        if self.family == "silence":
            return f"silence in {self.cell}: {_silent(first)}{more}"
        subject = f"{first.series.feature or first.series.finding} {first.series.bin}".strip()
        if hidden:
            way = "rose" if first.side == "high" else "fell"
            return f"{self.kind} shift in {self.cell}: {subject} {way}, among too few patients to say more{more}"
        moved = f"{subject}: {100 * first.reference_rate:.1f} % -> {100 * first.rate:.1f} % of {first.n}"
        return f"{self.kind} shift in {self.cell}: {moved}{more}"

    def apart(self, since: int, opened: int) -> bool:
        """Whether anything of it that pages began at another time than an alarm that was opened then, for what had begun before."""
        return any(not since - TOGETHER <= one.since <= opened + TOGETHER for one in self.carriers if one.evidence >= 1)


def judge(reference: Reference, state: State, recent: Mapping[int, Mapping[str, Tally]] | None = None) -> tuple[Incident, ...]:
    """Group what is over its limit into incidents, at most one for inputs, one for truth and one for silence.

    Of inputs and silence that began together one is left: the silence, if nothing new appeared; else the inputs, because a scanner was
    replaced by another. What came along carries the other one too.

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
    kept: list[Incident] = []
    for one in incidents(reference, state, recent):
        if not any(other.family == BESIDE.get(one.family) and not one.apart(other.since, state.day) for other in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda one: GROUPS.index(one.family)))


def incidents(reference: Reference, state: State, recent: Mapping[int, Mapping[str, Tally]] | None = None) -> tuple[Incident, ...]:
    """Do the same, with inputs and silence even where both began together, the one that would be left first."""
    moved = {group: _moved(reference, state, group) for group in GROUPS}
    paging = [group for group in GROUPS if any(one.evidence >= 1 for one in moved[group])]
    novel = any(one.series.bin in NOVEL and one.evidence >= ATTACHES for one in moved["inputs"])
    order = paging if novel else paging[::-1]
    return tuple(_incident(reference, group, moved, recent or {}) for group in order)


def persists(reference: Reference, state: State, family: Group, since: int) -> bool:
    """Whether anything of the group, or what began together with it beside it, still speaks for a change: its alarm, begun then, stays open."""
    own = any(one.evidence >= ATTACHES for one in _moved(reference, state, family))
    return own or (family in BESIDE and bool(_joining(_moved(reference, state, BESIDE[family]), since)))


def strongest(reference: Reference, state: State, family: Group) -> float:
    """Evidence over its limit of the series of a group that has most."""
    return max((one.evidence for one in _moved(reference, state, family)), default=0.0)


def _moved(reference: Reference, state: State, group: Group) -> tuple[Carrier, ...]:
    """Everything of a group, the most telling first."""
    if group == "silence":
        return stopped(reference, state)
    return _rank(_carriers(reference, state, evidence(reference, state), _members(reference, group)))


def _joining(beside: Sequence[Carrier], since: int) -> tuple[Carrier, ...]:
    return tuple(one for one in beside if one.evidence >= ATTACHES and abs(one.since - since) <= TOGETHER)


def _silent(first: Carrier) -> str:
    if first.series.feature != "predictions":
        usual = f"{100 * first.reference_rate:.1f} % in the reference"
        return f"no film with {first.series.feature} {first.series.bin}, {usual}, among {first.n}"
    return (
        "no film at all"
        if first.series.cell == ALL
        else f"no film from there, {100 * first.reference_rate:.1f} % in the reference, among {first.n}"
    )


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


def _incident(
    reference: Reference, group: Group, moved: Mapping[Group, Sequence[Carrier]], recent: Mapping[int, Mapping[str, Tally]]
) -> Incident:
    own = tuple(one for one in moved[group] if one.evidence >= ATTACHES)
    first = own[0]
    days = [tallies for day, tallies in recent.items() if day >= first.since]
    carriers = own + (_joining(moved[BESIDE[group]], first.since) if group in BESIDE else ())
    kind, cell = _what_and_where(reference, group, first, moved[group], days)
    return Incident(group, kind, cell, first.since, max(one.evidence for one in own), carriers)


def _what_and_where(
    reference: Reference, group: Group, first: Carrier, moved: Sequence[Carrier], days: Sequence[Mapping[str, Tally]]
) -> tuple[Kind, str]:
    if group == "silence":
        return "silence", home_of(reference, first.series)
    if group == "truth":
        return _truth_kind(first), first.series.cell
    return _input_kind(reference, moved, days), cell_of(reference, first.series, SIDES.index(first.side), days)


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
