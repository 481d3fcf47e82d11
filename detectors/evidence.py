"""Evidence: how strongly the days so far speak for a rate that has left its band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.budget import limit
from detectors.level import Level
from detectors.packing import DecodeError, pack, unpack
from detectors.ratios import ALTERNATIVES, log_ratios
from detectors.reference import Reference
from detectors.series import SIDES, Counts, Scalar
from detectors.tally import Tally

KIND, VERSION = b"SWEV", 1
CAP = 0.55
"""Share of log(components x limit) that one day may add: two such days page, one does not."""
CEILING = 4.0
"""Evidence over its limit is held at this, so that it sinks within days once the rate has come back."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Evidence of every series at the end of a day. Single precision where it is stored, so that a replay from a checkpoint is the same.

    reference: digest of the reference that it belongs to.
    day: last day folded (days since 1970-01-01); -1 before the first.
    weight: Shiryaev-Roberts evidence R [series, side, alternative]; NaN on a side that a series does not watch.
    level, variance: where each series has wandered to, as seen at the end of the day (level.py) [series].
    drift: running sum of the log likelihood ratio of the mildest alternative, restarted at zero [series, side].
    onset: day on which that sum last restarted, -1 while it is zero [series, side].
    k, n, expected: hits, observations, and hits that the reference leads to expect, since the onset [series, side].
    """

    reference: bytes
    day: int
    weight: NDArray[np.float32]
    level: NDArray[np.float32]
    variance: NDArray[np.float32]
    drift: NDArray[np.float32]
    onset: NDArray[np.int32]
    k: NDArray[np.int64]
    n: NDArray[np.int64]
    expected: Floats

    @classmethod
    def start(cls, reference: Reference) -> State:
        """No evidence yet."""
        sides, level = (len(reference.series), len(SIDES)), Level.start(reference)
        watched = np.array([[side in one.sides for side in SIDES] for one in reference.series]).reshape(sides)
        weight = np.where(watched, np.float32(0), np.float32(np.nan))
        return cls(
            reference=reference.digest,
            day=-1,
            weight=np.repeat(weight[:, :, None], len(ALTERNATIVES), axis=2),
            level=level.mean.astype(np.float32),
            variance=level.variance.astype(np.float32),
            drift=np.zeros(sides, dtype=np.float32),
            onset=np.full(sides, -1, dtype=np.int32),
            k=np.zeros(sides, dtype=np.int64),
            n=np.zeros(sides, dtype=np.int64),
            expected=np.zeros(sides),
        )

    def encode(self) -> bytes:
        """Versioned bytes that name their reference."""
        arrays: dict[str, NDArray[Any]] = {
            one.name: getattr(self, one.name) for one in fields(self) if one.name not in {"day", "reference"}
        }
        return pack(KIND, VERSION, {"day": self.day, "reference": self.reference.hex()}, arrays)

    @classmethod
    def decode(cls, reference: Reference, encoded: bytes) -> State:
        """Undo `encode`. Raises DecodeError for foreign or damaged bytes, or those of another reference."""
        header, arrays = unpack(KIND, VERSION, encoded)
        if header.get("reference") != reference.digest.hex():
            raise DecodeError("the state belongs to another reference")
        return cls(reference=reference.digest, day=header["day"], **arrays)


@dataclass(frozen=True, slots=True, eq=False)
class _Day:
    """What one day says.

    k, n, expected: hits, observations and expected hits [series, 1]. ratios: log likelihood ratios [series, side, alternative];
    mildest: of the mildest alternative, capped [series, side]. level: where the series has wandered to after it.
    """

    k: NDArray[np.int64]
    n: NDArray[np.int64]
    expected: Floats
    ratios: Floats
    mildest: Floats
    level: Level


def fold_day(reference: Reference, state: State, day: int, counts: Mapping[str, Tally], matured: Mapping[str, Tally]) -> State:
    """Fold one day, finished or not, into the evidence. Pure: the same arguments give the same bits.

    For each watched side and alternative, R = (1 + R_yesterday) L, L the day's likelihood ratio (ratios.py), capped. The evidence of the
    series is the mean of R over its sides and alternatives, and it pages when this reaches A (budget.py).

    Why it is valid at every hour of the day and not only at its end: given the past, L is a supermartingale over the films of the
    day that begins at 1 while the rate is no news, and lowering it on some paths keeps it one. So within the day R is a
    supermartingale from 1 + R_yesterday, and the bound of budget.py holds at any hour at which somebody looks. A series without
    observations keeps its evidence.

    Why one bad day never pages and two do: L <= cap = (K A)^0.55, K = 4 x watched sides. At most half of K = 8, or all of K = 4, components are
    at the cap on one day, so the mean stays below A while 1 + R_yesterday < A^0.45 / 4^0.55 (50 at A = 36,500). Two days at the
    cap of one alternative give it (K A)^1.1, and K components of which one is above K A have a mean above A.

    Once a series has paged, its ratios are lowered together until the largest is at the cap: its alternatives then keep their order,
    the evidence knows how large the change was, and sinks as fast when it is gone.

    Args:
        reference: Series, bands, wander, budget.
        state: Evidence at the end of an earlier day.
        day: Day number, later than the state's.
        counts: Cell -> tally of that day so far.
        matured: Cell -> tally of the day `label_maturity_days` before it, for the series that rest on labels.

    Raises:
        ValueError: the day is not later than the state's, or the state belongs to another reference.

    Source:
        Shin, Ramdas, Rinaldo 2022 (e-detectors), arXiv 2203.03532; Ramdas, Gruenwald, Vovk, Shafer 2023 (safe anytime-valid inference).
    """
    if day <= state.day or state.reference != reference.digest:
        raise ValueError("days are folded in order, with one reference")
    today = _read(reference, state, counts, matured)
    weight = (1.0 + state.weight.astype(np.float64)) * np.exp(_capped(reference, state, today.ratios))
    excess = _mean(weight) / (CEILING * _limit(reference))
    held = (weight / np.maximum(excess, 1.0)[:, None, None]).astype(np.float32)
    return _follow(state, day, today, np.where(today.n[:, :, None] > 0, held, state.weight))


def evidence(reference: Reference, state: State) -> Floats:
    """Evidence over its limit of every series [series]; 1 or more pages."""
    return _mean(state.weight.astype(np.float64)) / _limit(reference)


def _limit(reference: Reference) -> float:
    return limit(len(reference.series), reference.plan.alarms_per_year)


def _mean(weight: Floats) -> Floats:
    """Mean over the watched sides and all alternatives."""
    watched = ~np.isnan(weight)
    return np.asarray(np.where(watched, weight, 0).sum(axis=(1, 2)) / np.maximum(watched.sum(axis=(1, 2)), 1))


def _read(reference: Reference, state: State, counts: Mapping[str, Tally], matured: Mapping[str, Tally]) -> _Day:
    fresh, old, gather = reference.gather.count(counts), reference.gather.count(matured), reference.gather
    by_label = gather.by_row(np.array([one.matured for one in reference.series], dtype=bool))
    today = Counts(np.where(by_label, old.k, fresh.k), np.where(by_label, old.n, fresh.n))
    level = Level(state.level.astype(np.float64), state.variance.astype(np.float64)).tomorrow(reference)
    ratios = np.where(np.isnan(state.weight), -np.inf, log_ratios(reference, level, today))
    return _Day(
        k=gather.by_series(today.k)[:, None],
        n=gather.by_series(today.n)[:, None],
        expected=gather.by_series(today.n * reference.estimates.rates)[:, None],
        ratios=ratios,
        mildest=np.minimum(ratios[:, :, 0], _cap(reference, state)[:, None]),
        level=level.learn(reference, today),
    )


def _capped(reference: Reference, state: State, ratios: Floats) -> Floats:
    cap = _cap(reference, state)[:, None, None]
    excess = np.maximum(ratios.max(axis=(1, 2), keepdims=True) - cap, 0.0)
    paged = (evidence(reference, state) >= 1)[:, None, None]
    return np.asarray(np.where(paged, ratios - excess, np.minimum(ratios, cap)))


def _cap(reference: Reference, state: State) -> Floats:
    """Largest log likelihood ratio that a day may add to a component [series]."""
    components = (~np.isnan(state.weight)).sum(axis=(1, 2))
    return np.asarray(CAP * np.log(np.maximum(components, 1) * _limit(reference)))


def _follow(state: State, day: int, today: _Day, weight: NDArray[np.float32]) -> State:
    """Follow the day from which each side has spoken for the mildest alternative without a break: the last zero of its CUSUM.

    This is the most likely day of the change, and any change beyond the mildest alternative moves its sum upwards too.
    """
    idle, quiet = today.n == 0, state.onset < 0
    drift = state.drift + today.mildest
    running = drift > 0

    def carried(before: NDArray[Scalar], added: NDArray[Any]) -> NDArray[Scalar]:
        return np.where(idle, before, np.where(running, np.where(quiet, added, before + added), 0)).astype(before.dtype)

    return State(
        reference=state.reference,
        day=day,
        weight=weight,
        level=np.where(idle[:, 0], state.level, today.level.mean).astype(np.float32),
        variance=np.where(idle[:, 0], state.variance, today.level.variance).astype(np.float32),
        drift=np.where(idle, state.drift, np.where(running, drift, 0)).astype(np.float32),
        onset=np.where(idle, state.onset, np.where(running, np.where(quiet, day, state.onset), -1)).astype(np.int32),
        k=carried(state.k, today.k),
        n=carried(state.n, today.n),
        expected=carried(state.expected, today.expected),
    )
