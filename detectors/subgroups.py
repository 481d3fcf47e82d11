"""Subgroups: how well the model serves each of them against everybody else, in one table for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from detectors.hidden import OTHER, attributes_of, hidden_in, of_attribute
from detectors.intervals import Z, newcombe, wilson
from detectors.listing import UNDERDIAGNOSIS
from detectors.measurement import Interval
from detectors.multiplicity import adjusted
from detectors.patients import count_patients, performance_dispersion
from detectors.plan import ALL, PAIRED
from detectors.reference import Reference
from detectors.schema import POSITIVE
from detectors.shrinkage import shrink
from detectors.tally import Tally, tally_of
from detectors.verification import Verified

RATES = ("sensitivity", "specificity", "positive_predictive_value", "negative_predictive_value")
SHOWN = 10
"""Observations in the subgroup and in the rest from which a rate and its gap are shown."""
POWER = 0.8

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gap:
    """A rate of a subgroup, and less that of everybody else. None where too few observations tell; `reason` says so.

    n: plain observations that would say as much. shrunk: held towards the other cells of its kind. p: that there is no gap, adjusted for
    all gaps of the table (Benjamini-Hochberg). detectable: smallest gap that would be found at this n in four of five windows.
    """

    name: str
    n: float
    value: float | None = None
    interval: Interval | None = None
    shrunk: float | None = None
    shrunk_interval: Interval | None = None
    rest: float | None = None
    gap: float | None = None
    gap_interval: Interval | None = None
    p: float | None = None
    detectable: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """One subgroup, `attribute=value` or a pair of them; hidden where it, or what could be reckoned from it, is fewer than 11 patients."""

    cell: str
    hidden: bool
    films: int | None = None
    patients: float | None = None
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute by which films were divided: films that do not say, and films with a value too rare to be a subgroup; None where hidden."""

    name: str
    missing: int | None
    other: int | None


def subgroups(reference: Reference, window: Mapping[str, Tally], finding: str) -> tuple[tuple[Subgroup, ...], tuple[Attribute, ...]]:
    """Compare every subgroup and pair with everybody else.

    Rates are of all films, as far as they were read (verification.py). underdiagnosis: of films with any finding, those on which nothing
    was flagged, over all findings. Gap: Newcombe's interval at n / phi, with the design effect of repeated patients; p by the pooled score
    test. Which cells are hidden: suppression.py.

    Source:
        Seyyed-Kalantari et al. 2021, Nature Medicine 27:2176 (underdiagnosis); Newcombe 1998, Statistics in Medicine 17:873.
    """
    cells = [cell for cell in reference.cells if cell != ALL]
    whole = tally_of(reference.schema, window, ALL)
    tallies = {cell: tally_of(reference.schema, window, cell) for cell in cells}
    names = attributes_of(cells)
    others = {name: _left(whole, [tallies[cell] for cell in cells if of_attribute(cell, name)]) for name in names}
    hidden = hidden_in(window, cells)
    gaps = _gaps(reference, window, finding, cells)
    found = tuple(
        Subgroup(cell, hidden=True)
        if cell in hidden
        else Subgroup(cell, hidden=False, films=tallies[cell].n, patients=count_patients(tallies[cell].patients()), gaps=gaps[cell])
        for cell in cells
    )
    return found, tuple(_attribute(reference, whole, others[name], name, hidden=f"{name}={OTHER}" in hidden) for name in names)


def _left(whole: Tally, parts: Sequence[Tally]) -> Tally:
    return Tally(whole.schema, whole.vector - sum((one.vector for one in parts), start=np.zeros_like(whole.vector)))


def _attribute(reference: Reference, whole: Tally, left: Tally, name: str, *, hidden: bool) -> Attribute:
    silent = int(whole.feature(name)[-1]) if name in reference.schema.features else 0
    if hidden or 0 < silent < SHOWN + 1:
        return Attribute(name, None, None)
    return Attribute(name, silent, max(left.n - silent, 0))


def _gaps(reference: Reference, window: Mapping[str, Tally], finding: str, cells: Sequence[str]) -> dict[str, tuple[Gap, ...]]:
    if not cells:
        return {}
    phi = performance_dispersion(reference, window)
    dispersion = np.array([phi(finding, cell) for cell in cells])
    columns = [_compared(one, dispersion, cells) for one in _counted(reference, window, finding, cells)]
    flat = [gap for column in columns for gap in column]
    places = iter(adjusted([gap.p for gap in flat if gap.p is not None]))
    judged = [replace(gap, p=next(places)) if gap.p is not None else gap for gap in flat]
    return {cell: tuple(judged[at :: len(cells)]) for at, cell in enumerate(cells)}


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Hits and observations [subgroup or rest, cells] of a rate, and why a cell has none."""

    name: str
    k: Floats
    n: Floats
    reasons: tuple[str, ...]


def _counted(reference: Reference, window: Mapping[str, Tally], finding: str, cells: Sequence[str]) -> Iterator[_Counted]:
    whole = tally_of(reference.schema, window, ALL)
    inside = [tally_of(reference.schema, window, cell) for cell in cells]
    outside = [_left(whole, [one]) for one in inside]
    read = Verified.of(reference.schema, [*inside, *outside], finding)
    for name in RATES:
        share = read.share(name)
        reasons = tuple(one or other for one, other in zip(share.reasons[: len(cells)], share.reasons[len(cells) :], strict=True))
        yield _Counted(name, share.hits.reshape(2, -1), share.n.reshape(2, -1), reasons)
    something = np.array([one.nothing()[POSITIVE] for one in (*inside, *outside)], dtype=np.float64)
    yield _Counted(UNDERDIAGNOSIS, something[:, 0].reshape(2, -1), something.sum(axis=1).reshape(2, -1), ("",) * len(cells))


def _compared(counted: _Counted, dispersion: Floats, cells: Sequence[str]) -> list[Gap]:
    kinds = np.array([PAIRED.join(part.partition("=")[0] for part in cell.split(PAIRED)) for cell in cells])
    shrunk = np.zeros((3, len(cells)))
    for kind in dict.fromkeys(kinds.tolist()):
        chosen = kinds == kind
        held = shrink(*(one[0, chosen] / dispersion[chosen] for one in (counted.k, counted.n)))
        shrunk[:, chosen] = held.value, held.low, held.high
    return [_gap(counted, at, float(dispersion[at]), shrunk[:, at]) for at in range(len(cells))]


def _gap(counted: _Counted, at: int, phi: float, shrunk: Floats) -> Gap:
    name, k, n, reason = counted.name, counted.k[:, at], counted.n[:, at], counted.reasons[at]
    if reason or n.min() < SHOWN:
        return Gap(name, float(n[0]), reason=reason or f"{SHOWN} observations needed in the subgroup and in the rest")
    inside, outside = (float(k[0]), float(n[0])), (float(k[1]), float(n[1]))
    value, rest = k / n
    pooled = (k.sum() + 1) / (n.sum() + 2)
    error = float(np.sqrt(phi * pooled * (1 - pooled) * (1 / n).sum()))
    return Gap(
        name,
        float(n[0]),
        float(value),
        wilson(*inside, phi),
        float(shrunk[0]),
        Interval(float(shrunk[1]), float(shrunk[2])),
        float(rest),
        float(value - rest),
        newcombe(inside, outside, phi),
        float(2 * ndtr(-abs(value - rest) / error)),
        float((Z + ndtri(POWER)) * error),
    )
