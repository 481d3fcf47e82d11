"""Evidence: how strongly the days so far speak for a rate that has left its band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from detectors.budget import limit
from detectors.packing import DecodeError, pack, unpack
from detectors.reference import Reference
from detectors.series import SIDES, Scalar
from detectors.tally import Tally

KIND, VERSION = b"SWEV", 1
ALTERNATIVES = (1.5, 2.5, 6.0, 30.0)
"""Odds ratios beyond the edge that the evidence looks out for."""
CEILING = 4.0
"""Evidence over its limit is held at this, so that it sinks within days once the rate has come back."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Evidence of every series at the end of a day. Single precision where it is stored, so that a replay from a checkpoint is the same.

    reference: digest of the reference that it belongs to.
    day: last day folded (days since 1970-01-01); -1 before the first.
    weight: Shiryaev-Roberts evidence R [series, side, alternative]; NaN on a side that a series does not watch.
    drift: running sum of the log likelihood ratio of the mildest alternative, restarted at zero [series, side].
    onset: day on which that sum last restarted, -1 while it is zero [series, side].
    k, n, expected: hits, observations, and hits that the reference leads to expect, since the onset [series, side].
    """

    reference: bytes
    day: int
    weight: NDArray[np.float32]
    drift: NDArray[np.float32]
    onset: NDArray[np.int32]
    k: NDArray[np.int64]
    n: NDArray[np.int64]
    expected: Floats

    @classmethod
    def start(cls, reference: Reference) -> State:
        """No evidence yet."""
        sides = (len(reference.series), len(SIDES))
        watched = np.array([[side in one.sides for side in SIDES] for one in reference.series]).reshape(sides)
        weight = np.where(watched, np.float32(0), np.float32(np.nan))
        return cls(
            reference=reference.digest,
            day=-1,
            weight=np.repeat(weight[:, :, None], len(ALTERNATIVES), axis=2),
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
    """What one day says: k, n and the expected k of each series [series, 1], its log likelihood ratios [series, side, alternative], their cap."""

    k: NDArray[np.int64]
    n: NDArray[np.int64]
    expected: Floats
    ratios: Floats
    cap: Floats

    @property
    def capped(self) -> Floats:
        """Ratios lowered together until the largest is at the cap.

        The alternatives keep their order, so the evidence knows how large the change was, and sinks as fast once it is gone.
        """
        largest = self.ratios.max(axis=(1, 2), keepdims=True)
        return np.asarray(self.ratios - np.maximum(largest - self.cap, 0.0))


def fold_day(reference: Reference, state: State, day: int, counts: Mapping[str, Tally], matured: Mapping[str, Tally]) -> State:
    """Fold one day, finished or not, into the evidence. Pure: the same arguments give the same bits.

    A series has rate p; its band (bands.py) ends at an edge. For each watched side and alternative odds ratio a,
    the day's likelihood ratio sets p_a, the edge moved outwards by a, against the edge p_e:
    log L = (k log(p_a / p_e) + (n - k) log((1 - p_a) / (1 - p_e))) / phi, summed over the rows of the series, and
    R = (1 + R_yesterday) L, where the L of all sides and alternatives are lowered together by one factor, if need be, until the largest is at
    the cap. The evidence of the series is the mean of R over its sides and alternatives, and it pages
    when this reaches A (budget.py).

    Why it is valid at every hour of the day and not only at its end: given the past, L is a supermartingale over the films of
    the day that begins at 1 while p is inside the band (an e-value; a power 1/phi <= 1 of it is a concave function
    of one, hence a supermartingale too; lowering it on some paths keeps it below one). So within the day R is a supermartingale from 1 + R_yesterday, and
    the bound of budget.py holds at any hour at which somebody looks. A series without observations keeps its evidence.

    Why one bad day never pages: L <= cap = sqrt(K A), K = 4 x watched sides. At most half of K = 8 (all of K = 4) components
    can be at the cap on one day, so the mean stays below A while 1 + R_yesterday < sqrt(A / 2) (or sqrt(A) / 2). Two days at the
    cap give a component cap^2 = K A, and K components of which one is K A have a mean of A: two overwhelming days always page.

    Args:
        reference: Series, rates, bands, dispersion, budget.
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
    weight = (1.0 + state.weight.astype(np.float64)) * np.exp(today.capped)
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
    k, n = np.where(by_label, old.k, fresh.k), np.where(by_label, old.n, fresh.n)
    components = (~np.isnan(state.weight)).sum(axis=(1, 2))
    return _Day(
        k=gather.by_series(k)[:, None],
        n=gather.by_series(n)[:, None],
        expected=gather.by_series(n * reference.estimates.rates)[:, None],
        ratios=np.where(np.isnan(state.weight), -np.inf, _ratios(reference, k, n)),
        cap=0.5 * np.log(np.maximum(components, 1) * _limit(reference))[:, None, None],
    )


def _ratios(reference: Reference, k: NDArray[np.int64], n: NDArray[np.int64]) -> Floats:
    """Log likelihood ratio of the day, divided by phi [series, side, alternative]."""
    edge = logit(reference.estimates.bands)[:, :, None]
    beyond = edge + np.log(ALTERNATIVES) * np.array([-1.0, 1.0])[:, None]
    # log p = -log(1 + exp(-x)) and log(1 - p) = -log(1 + exp(x)) at log odds x
    hit = np.logaddexp(0, -edge) - np.logaddexp(0, -beyond)
    miss = np.logaddexp(0, edge) - np.logaddexp(0, beyond)
    rows = k[:, None, None] * hit + (n - k)[:, None, None] * miss
    return np.asarray(reference.gather.by_series(rows) / reference.dispersion[:, None, None])


def _follow(state: State, day: int, today: _Day, weight: NDArray[np.float32]) -> State:
    """Follow the day from which each side has spoken for the mildest alternative without a break: the last zero of its CUSUM.

    This is the most likely day of the change, and any change beyond the mildest alternative moves its sum upwards too.
    """
    idle, quiet = today.n == 0, state.onset < 0
    drift = state.drift + np.minimum(today.ratios, today.cap)[:, :, 0]
    running = drift > 0

    def carried(before: NDArray[Scalar], added: NDArray[Any]) -> NDArray[Scalar]:
        return np.where(idle, before, np.where(running, np.where(quiet, added, before + added), 0)).astype(before.dtype)

    return State(
        reference=state.reference,
        day=day,
        weight=weight,
        drift=np.where(idle, state.drift, np.where(running, drift, 0)).astype(np.float32),
        onset=np.where(idle, state.onset, np.where(running, np.where(quiet, day, state.onset), -1)).astype(np.int32),
        k=carried(state.k, today.k),
        n=carried(state.n, today.n),
        expected=carried(state.expected, today.expected),
    )
