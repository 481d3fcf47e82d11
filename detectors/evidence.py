"""Evidence: how strongly the days so far speak for a rate that has left its band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.effect import beyond
from detectors.level import Level
from detectors.packing import DecodeError, pack, unpack
from detectors.plan import ALL
from detectors.ratios import ALTERNATIVES, MIXTURE, SHIFTS, log_ratios
from detectors.reference import Reference
from detectors.rhythm import Today, shifted
from detectors.series import SIDES, Counts, Scalar
from detectors.silence import Silence
from detectors.tally import Tally

KIND, VERSION, BEFORE = b"SWEV", 5, 4
"""Of stored states; that of the release before is read too."""
CAP = 0.54
"""Share of log(components x limit) that one day may add: two such days page, one does not."""
DATED = 1
"""Place of the alternative by whose CUSUM a change is dated: the mildest beyond the edge."""
ATTACHES = 0.1
"""Evidence over its limit from which a series belongs to an incident that another one opened, and below which an alarm is over."""
CEILING = 4.0
"""Evidence over its limit is held at this, so that it sinks within days once the rate has come back."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Evidence of every series at the end of a day. Single precision where it is stored, so that a replay from a checkpoint is the same.

    reference: digest of the reference that it belongs to.
    day: last day folded (days since 1970-01-01); -1 before the first.
    weight: Shiryaev-Roberts evidence R [series, side, alternative]; NaN on a side that a series does not watch.
    absorbed: log odds of each change that the level has followed, outwards negative [series, side, alternative].
    level, variance, followed: where each series has wandered to, as its days so far tell, how surely, and how much of an offset that
        has followed (level.py) [series].
    paged: whether the series has reached its limit, and not sunk to ATTACHES of it since [series].
    drift: running sum of the log likelihood ratio of the mildest alternative, restarted at zero [series, side].
    onset: day on which that sum last restarted, -1 while it is zero [series, side].
    k, n, expected: hits, observations, and hits that the reference leads to expect, since the onset [series, side].
    stopped, silent_since, missed: weight, since and missed of each source that may fall silent (silence.py) [sources].
    """

    reference: bytes
    day: int
    weight: NDArray[np.float32]
    absorbed: NDArray[np.float32]
    level: NDArray[np.float32]
    variance: NDArray[np.float32]
    followed: NDArray[np.float32]
    paged: NDArray[np.bool_]
    drift: NDArray[np.float32]
    onset: NDArray[np.int32]
    k: NDArray[np.int64]
    n: NDArray[np.int64]
    expected: Floats
    stopped: NDArray[np.float32]
    silent_since: NDArray[np.int32]
    missed: NDArray[np.int64]

    @classmethod
    def start(cls, reference: Reference) -> State:
        """No evidence yet."""
        silence = Silence.start(reference.sources)
        sides, level = (len(reference.series), len(SIDES)), Level.start(reference)
        watched = np.array([[side in one.sides for side in SIDES] for one in reference.series]).reshape(sides)
        weight = np.where(watched, np.float32(0), np.float32(np.nan))
        return cls(
            reference=reference.digest,
            day=-1,
            weight=np.repeat(weight[:, :, None], len(ALTERNATIVES), axis=2),
            absorbed=np.zeros((*sides, len(ALTERNATIVES)), dtype=np.float32),
            level=level.mean.astype(np.float32),
            variance=level.variance.astype(np.float32),
            followed=level.followed.astype(np.float32),
            paged=np.zeros(len(reference.series), dtype=np.bool_),
            drift=np.zeros(sides, dtype=np.float32),
            onset=np.full(sides, -1, dtype=np.int32),
            k=np.zeros(sides, dtype=np.int64),
            n=np.zeros(sides, dtype=np.int64),
            expected=np.zeros(sides),
            stopped=silence.weight,
            silent_since=silence.since,
            missed=silence.missed,
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
        header, arrays = unpack(KIND, BEFORE if encoded[4:5] == bytes([BEFORE]) else VERSION, encoded)
        if header.get("reference") != reference.digest.hex():
            raise DecodeError("the state belongs to another reference")
        series = len(reference.series)
        added: dict[str, NDArray[Any]] = {"followed": np.zeros(series, dtype=np.float32), "paged": np.zeros(series, dtype=np.bool_)}
        return cls(reference=reference.digest, day=header["day"], **added | arrays)


@dataclass(frozen=True, slots=True, eq=False)
class _Day:
    """What one day says.

    k, n, expected: hits, observations and expected hits [series, 1]. ratios: log likelihood ratios [series, side, alternative]; cap: their
    most. level: where each series is after it; absorbed: as in the state, for changes that had begun before.
    """

    k: NDArray[np.int64]
    n: NDArray[np.int64]
    expected: Floats
    ratios: Floats
    cap: Floats
    level: Level
    absorbed: Floats

    @property
    def capped(self) -> Floats:
        """Ratios lowered together until the largest is at the cap.

        The alternatives keep their order, so the evidence knows how large the change was, and sinks as fast once it is gone.
        """
        largest = self.ratios.max(axis=(1, 2), keepdims=True)
        return np.asarray(self.ratios - np.maximum(largest - self.cap, 0.0))


def fold_day(reference: Reference, state: State, day: int, counts: Mapping[str, Tally], matured: Mapping[str, Tally]) -> State:
    """Fold one day, finished or not, into the evidence. Pure: the same arguments give the same bits.

    Args:
        reference: Series, rates, bands, wander, budget.
        state: Evidence at the end of an earlier day.
        day: Day number, later than the state's.
        counts: Cell -> tally of that day so far.
        matured: Cell -> tally of the day `label_maturity_days` before it, for the series that rest on labels.

    Raises:
        ValueError: the day is not later than the state's, or the state belongs to another reference.
    """
    fresh, old, gather = reference.gather.count(counts), reference.gather.count(matured), reference.gather
    by_label = gather.by_row(np.array([one.matured for one in reference.series], dtype=bool))
    today = Counts(np.where(by_label, old.k, fresh.k), np.where(by_label, old.n, fresh.n))
    folded = fold_counts(reference, state, day, today, _kind(reference, day, counts, matured))
    return _listen(reference, folded, reference.sources.count(counts))


def _kind(reference: Reference, day: int, counts: Mapping[str, Tally], matured: Mapping[str, Tally]) -> Today:
    """What the kind of the day does to each series; to those that rest on labels, the kind of the day that came of age."""
    days = ((day, counts), (day - reference.plan.label_maturity_days, matured))
    fresh, old = (reference.rhythm.on(one, tallies[ALL].n if ALL in tallies else 0) for one, tallies in days)
    by_label = np.array([one.matured for one in reference.series], dtype=bool)
    return Today(np.where(by_label, old.shift, fresh.shift), np.where(by_label, old.doubt, fresh.doubt))


def fold_counts(reference: Reference, state: State, day: int, today: Counts, kind: Today | None = None) -> State:
    """Fold the counts of one day, by row, into the evidence.

    For each watched side and alternative, R = (1 + R_yesterday) L, L the day's likelihood ratio (ratios.py) of a rate beyond the edge of the band
    against the furthest rate that is no news: what the reference leaves open of it, or the level to which the series has wandered by today.
    The L of all sides and alternatives are lowered together by one factor, if need be, until the largest is at the cap. The evidence of the
    series is the mean of R over its sides and alternatives, these by their share (MIXTURE). It pages when this reaches A (budget.py) and the rate since the change began
    lies beyond the edge of the band (effect.py): surely moved, and by enough.

    Why it is valid at every hour of the day and not only at its end: given the past, L is a supermartingale over the films of
    the day that begins at 1 while the rate is no news, and lowering it on some paths keeps it below one. So within the day R is a
    supermartingale from 1 + R_yesterday, and the bound of budget.py holds at any hour at which somebody looks. A series without
    observations keeps its evidence. `kind` is what the kind of the day, say a Sunday, does to the log odds of each series (rhythm.py): it is
    fixed by the calendar and by how many films there are, whatever they show.

    The level follows a change as if it were wander, and so would weaken the evidence for it; how much of an alternative it has followed is known, because
    the filter is linear, and is kept beside each R: the mean over the days on which the change may have begun, by their evidence. Whatever
    it is, it is fixed by the past, so that L stays fair.

    Why one bad day never pages: L <= cap = (K A)^CAP, K = 6 x watched sides. Of two sides one can be at the cap on one day, so the mean stays
    below A while 1 + R_yesterday < 2 A / (12 A)^CAP (of one side A / (6 A)^CAP): about 65 (45) at A = 36,500. Two days at the cap give a
    component (K A)^(2 CAP), and its share is .045 (.09) at least: for A from 1,000 on their mean is over A, so two overwhelming days always page.

    Raises:
        ValueError: the day is not later than the state's, or the state belongs to another reference.

    Source:
        Shin, Ramdas, Rinaldo 2022 (e-detectors), arXiv 2203.03532; Ramdas, Gruenwald, Vovk, Shafer 2023 (safe anytime-valid inference).
    """
    if day <= state.day or state.reference != reference.digest:
        raise ValueError("days are folded in order, with one reference")
    said = _read(reference, state, day, today, kind or Today.like_any(len(reference.series)))
    weight = (1.0 + state.weight.astype(np.float64)) * np.exp(said.capped)
    excess = _mean(weight) / (CEILING * reference.limit)
    held = (weight / np.maximum(excess, 1.0)[:, None, None]).astype(np.float32)
    return _begin_anew(reference, _follow(state, day, said, np.where(said.n[:, :, None] > 0, held, state.weight)))


def _begin_anew(reference: Reference, state: State) -> State:
    """Forget what is left of the evidence of a series once its alarm is over, so that the next one is a first one again (budget.py)."""
    share = _mean(state.weight.astype(np.float64)) / reference.limit
    over = state.paged & (share < ATTACHES)
    weight = np.where(over[:, None, None] & ~np.isnan(state.weight), np.float32(0), state.weight)
    return replace(state, weight=weight, paged=(state.paged | (share >= 1)) & ~over)


def evidence(reference: Reference, state: State) -> Floats:
    """Evidence over its limit of every series [series], held down while its effect lies inside the band; 1 or more pages."""
    side = state.drift.argmax(axis=1)
    since = (np.where(state.onset >= 0, one, 0)[np.arange(len(side)), side] for one in (state.k, state.n, state.expected))
    return np.minimum(_mean(state.weight.astype(np.float64)) / reference.limit, beyond(reference, side, *since))


def silence(reference: Reference, state: State) -> Floats:
    """Evidence over its limit that each source has stopped [sources]; 1 or more pages."""
    return np.asarray(state.stopped / reference.limit)


def _listen(reference: Reference, state: State, today: Counts) -> State:
    """Fold the films of each source into the evidence that it has stopped."""
    before = Silence(state.stopped, state.silent_since, state.missed)
    after = before.after(reference.sources, state.day, today, cap=reference.limit**CAP, most=CEILING * reference.limit)
    return replace(state, stopped=after.weight, silent_since=after.since, missed=after.missed)


def _mean(weight: Floats) -> Floats:
    """Mean over the watched sides, and over the alternatives by the share of each."""
    watched = ~np.isnan(weight[:, :, 0])
    return np.asarray((np.where(watched[:, :, None], weight, 0) @ MIXTURE).sum(axis=1) / np.maximum(watched.sum(axis=1), 1))


def _read(reference: Reference, state: State, day: int, today: Counts, kind: Today) -> _Day:
    gather, days = reference.gather, day - state.day
    level = Level(*(one.astype(np.float64) for one in (state.level, state.variance, state.followed))).after(reference, days)
    weight = state.weight.astype(np.float64)
    share = np.nan_to_num(weight / (1 + weight)) * reference.estimates.persistence[:, None, None] ** days
    absorbed = state.absorbed * share
    unwatched = np.isnan(weight)
    ratios = np.where(unwatched, -np.inf, log_ratios(reference, level, absorbed, today, kind))
    learnt, gain = level.learn(reference, today, kind.shift)
    kept = gain[:, None, None]
    return _Day(
        k=gather.by_series(today.k)[:, None],
        n=gather.by_series(today.n)[:, None],
        expected=gather.by_series(today.n * shifted(reference.estimates.rates, gather.by_row(kind.shift)))[:, None],
        ratios=ratios,
        cap=CAP * np.log(np.maximum((~unwatched).sum(axis=(1, 2)), 1) * reference.limit)[:, None, None],
        level=learnt,
        absorbed=(1 - kept) * absorbed - kept * (reference.estimates.edges[:, :, None] + SHIFTS),
    )


def _follow(state: State, day: int, today: _Day, weight: NDArray[np.float32]) -> State:
    """Follow the day from which each side has spoken for the mildest alternative without a break: the last zero of its CUSUM.

    This is the most likely day of the change, and any change beyond the mildest alternative moves its sum upwards too.
    """
    idle, quiet = today.n == 0, state.onset < 0
    drift = state.drift + np.minimum(today.ratios, today.cap)[:, :, DATED]
    running = drift > 0

    def carried(before: NDArray[Scalar], added: NDArray[Any]) -> NDArray[Scalar]:
        return np.where(idle, before, np.where(running, np.where(quiet, added, before + added), 0)).astype(before.dtype)

    return replace(
        state,
        day=day,
        weight=weight,
        absorbed=np.where(idle[:, :, None], state.absorbed, today.absorbed).astype(np.float32),
        level=today.level.mean.astype(np.float32),
        variance=today.level.variance.astype(np.float32),
        followed=today.level.followed.astype(np.float32),
        drift=np.where(idle, state.drift, np.where(running, drift, 0)).astype(np.float32),
        onset=np.where(idle, state.onset, np.where(running, np.where(quiet, day, state.onset), -1)).astype(np.int32),
        k=carried(state.k, today.k),
        n=carried(state.n, today.n),
        expected=carried(state.expected, today.expected),
    )
