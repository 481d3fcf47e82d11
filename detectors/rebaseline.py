"""Rebaseline: what would be accepted if a period became the reference of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.reference import Reference
from detectors.tally import Tally

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """One series in the period of the active reference and in another period.

    name: of the series. old, new: its rate. old_trials, new_trials: observations behind it; without new ones nothing is said.
    odds_ratio: of the new rate against the old, half an event added on either side so that it is finite.
    beyond: the new rate lies outside the band of the active reference, on a side that pages, by more than half an event.
    """

    name: str
    old: float
    new: float
    old_trials: int
    new_trials: int
    odds_ratio: float
    beyond: bool


def changes(old: Reference, period: Mapping[str, Tally]) -> tuple[Change, ...]:
    """Compare a period with a reference, in the words of that reference: what lies beyond its bands first, then by how much the odds change.

    The period is counted on the bins of the reference, not on bins of its own: a scanner that the reference never saw is unseen here,
    and would be an ordinary value there.

    Args:
        old: What the model is compared to now.
        period: Cell -> tally of the other period, under the schema of `old`.

    >>> from dataclasses import replace
    >>> from detectors.batch import Batch
    >>> from detectors.plan import Plan
    >>> from detectors.reference import build_reference
    >>> from detectors.tally import tally_cells
    >>> plan = Plan((), (), categorical=("ViewPosition",))
    >>> def films(share: int, view: str) -> Batch:
    ...     views = np.where(np.arange(600) % 10 < share, view, "PA").astype(object)
    ...     return replace(Batch.empty(plan), scores=np.empty((600, 0)), labels=np.empty((600, 0)),
    ...                    categorical={"ViewPosition": views}, embedding=np.empty((600, 0)))
    >>> old = build_reference(plan, films(2, "AP"), {}, np.arange(600) // 20)
    >>> first = changes(old, tally_cells(old.schema, films(4, "LL"), {}))[0]
    >>> first.name, first.beyond, first.old, first.new
    ('acquisition:all:ViewPosition:unseen', True, 0.0, 0.4)
    >>> any(one.beyond for one in changes(old, tally_cells(old.schema, films(2, "AP"), {})))
    False
    """
    counts = old.gather.count(period)
    hits, trials = old.gather.by_series(counts.k).tolist(), old.gather.by_series(counts.n).tolist()
    found = []
    for one, rate, n, (low, high), k, m in zip(
        old.series, old.rates.tolist(), old.trials.tolist(), old.bands.tolist(), hits, trials, strict=True
    ):
        if not m:
            continue
        before, after = (rate * n + HALF) / (n - rate * n + HALF), (k + HALF) / (m - k + HALF)
        risen, fallen = "high" in one.sides and k - HALF > high * m, "low" in one.sides and k + HALF < low * m
        found.append(Change(one.name, rate, k / m, n, m, after / before, beyond=bool(risen or fallen)))
    return tuple(sorted(found, key=lambda one: (not one.beyond, -abs(np.log(one.odds_ratio)), one.name)))
