"""Rebaseline: what would change if a model were compared to another reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.reference import Reference

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """One series under the old and under the new reference.

    name: of the series. old, new: its rate; None where that reference does not watch it. old_trials, new_trials: observations behind it.
    odds_ratio: of the new rate against the old, half an event added on either side so that it is finite; None where one is missing.
    beyond: the new rate lies outside the band of the old reference: activating the new one accepts a change that the old one would page for.
    """

    name: str
    old: float | None
    new: float | None
    old_trials: int
    new_trials: int
    odds_ratio: float | None
    beyond: bool


def changes(old: Reference, new: Reference) -> tuple[Change, ...]:
    """Compare two references series by series: what lies beyond the old one's band first, then by how much the odds change.

    Series that only one of them watches come last. Bins follow the reference, so a tail of the new one may bear another name.

    Args:
        old: What the model is compared to now.
        new: What it would be compared to.

    >>> from dataclasses import replace
    >>> from detectors.batch import Batch
    >>> from detectors.plan import Plan
    >>> from detectors.reference import build_reference
    >>> plan, days = Plan((), (), categorical=("ViewPosition",)), np.arange(600) // 20
    >>> def period(share: int) -> Batch:
    ...     views = np.where(np.arange(600) % 10 < share, "AP", "PA").astype(object)
    ...     return replace(Batch.empty(plan), scores=np.empty((600, 0)), labels=np.empty((600, 0)),
    ...                    categorical={"ViewPosition": views}, embedding=np.empty((600, 0)))
    >>> old, new = (build_reference(plan, period(share), {}, days) for share in (2, 4))
    >>> first = changes(old, new)[0]
    >>> first.name, first.beyond, first.old, first.new
    ('acquisition:all:ViewPosition:AP', True, 0.2, 0.4)
    """
    before, after = _read(old), _read(new)
    shared = [_change(name, before[name], after[name]) for name in before if name in after]
    shared.sort(key=lambda one: (not one.beyond, -abs(np.log(one.odds_ratio or 1.0)), one.name))
    gone = [Change(name, one.rate, None, one.trials, 0, None, beyond=False) for name, one in before.items() if name not in after]
    come = [Change(name, None, one.rate, 0, one.trials, None, beyond=False) for name, one in after.items() if name not in before]
    return (*shared, *gone, *come)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a reference says of a series: its rate, the observations behind it, and between which rates it does not page."""

    rate: float
    trials: int
    low: float
    high: float


def _read(reference: Reference) -> dict[str, _Read]:
    columns = zip(reference.series, reference.rates.tolist(), reference.trials.tolist(), reference.bands.tolist(), strict=True)
    return {
        one.name: _Read(rate, n, low if "low" in one.sides else 0.0, high if "high" in one.sides else 1.0)
        for one, rate, n, (low, high) in columns
    }


def _change(name: str, before: _Read, after: _Read) -> Change:
    odds = [(one.rate * one.trials + HALF) / ((1 - one.rate) * one.trials + HALF) for one in (before, after)]
    beyond = not before.low <= after.rate <= before.high
    return Change(name, before.rate, after.rate, before.trials, after.trials, odds[1] / odds[0], beyond)
