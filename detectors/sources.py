"""Sources: whatever films regularly come from, and how long each of them is used to pause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.plan import ALL
from detectors.schema import Schema
from detectors.series import Counts, Gather, Series, Stratum
from detectors.tally import Tally

WEEK = 7
THURSDAY = 3
"""Weekday of day 0, 1970-01-01; Monday is 0."""
FILMS_NEEDED = 20
WORKING_DAYS_NEEDED = 10
"""Days of the reference on which a source might be expected, before its silence means anything."""
VALUES_WATCHED = 8
"""Values of an attribute, the most frequent."""
WHOLE = 0.995
"""A value of more than this share of the films falls silent with all of them, or with its attribute."""
REST = 0.5
"""Share of silent days from which a weekday is one of rest."""
FEW = 5.0
"""Fewer films a day of others say nothing about whether a day is a holiday."""
PAUSE, PAUSE_OF_RESTING = 0.0005, 0.01
LONGER, LONGER_OF_RESTING = 0.005, 0.15
"""Chance of a pause on a working day, and that it lasts another one, before the reference has its say; a source that rests on some days
has holidays too, so the share of its silent days counts for that much."""
PRIOR_DAYS, PRIOR_PAUSES = 10.0, 2.0
"""Days and pauses that these count for."""
PAUSING = 0.05
"""Share of working days on which a source that is not busy begins a pause; such pauses say nothing about the others'."""
LONGEST = 3
"""Further days that a pause counts for in what it says of other sources: one that was rebuilt for weeks must not excuse all."""
HOLIDAY = 0.5
"""Share of their usual films below which others are away as well."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Habits:
    """How each source pauses, by weekday [7, sources].

    around: films a day of others that could have come from it. first: chance that a day brings none after a working day that brought some;
    again: after one that brought none.
    """

    around: Floats
    first: Floats
    again: Floats

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name every array."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def none(cls) -> Habits:
        """Of no source."""
        return cls(*(np.empty((WEEK, 0)) for _ in range(3)))


@dataclass(frozen=True, eq=False)
class Sources:
    """Values, subgroups and the whole, each put as a rate: its own films among those that could have been."""

    series: Sequence[Series] = ()
    habits: Habits = field(default_factory=Habits.none)

    @cached_property
    def own(self) -> Gather:
        """Counts its own films; in a subgroup its trials are its own films too."""
        return Gather.of(self.series)

    @cached_property
    def others(self) -> Gather:
        """Counts those of "all" beside which a subgroup is seen."""
        return Gather.of([_beside(one) for one in self.series])

    @classmethod
    def candidates(cls, schema: Schema, tallies: Mapping[str, Tally]) -> Sources:
        """List what a reference has enough films of, the whole first; whether it is regular, its days will tell."""
        return cls(tuple(_listed(schema, tallies)))

    def count(self, tallies: Mapping[str, Tally]) -> Counts:
        """Count the films of each source, and those that could have come from it [sources]."""
        return Counts(self.own.count(tallies).k, self.others.count(tallies).n)

    def learn(self, days: Ints, daily: Sequence[Counts]) -> Sources:
        """Keep the regular ones, with their habits.

        Args:
            days: Day numbers with predictions, ascending; days between them had none.
            daily: What `count` says of each.
        """
        if not len(days) or not self.series:
            return Sources()
        calendar = np.arange(days[0], days[-1] + 1)
        own, among = np.zeros((2, len(calendar), len(self.series)), dtype=np.int64)
        for day, counts in zip(days, daily, strict=True):
            own[day - days[0]], among[day - days[0]] = counts.k, counts.n
        habits, expected = _habits(own, among, weekday(calendar))
        kept = np.flatnonzero(expected >= WORKING_DAYS_NEEDED)
        return Sources(tuple(self.series[place] for place in kept), Habits(**{name: one[:, kept] for name, one in habits.arrays().items()}))


def weekday(days: NDArray[Any]) -> NDArray[Any]:
    """Return the weekday of each day number, Monday 0.

    >>> weekday(np.array([0, 4, 20_000])).tolist()
    [3, 0, 4]
    """
    return (days + THURSDAY) % WEEK


def _listed(schema: Schema, tallies: Mapping[str, Tally]) -> Iterator[Series]:
    whole = tallies[ALL]
    if whole.n >= FILMS_NEEDED:
        yield _source(ALL, "predictions", "any", (0, 1), (0, 1))
    for cell, tally in tallies.items():
        name, _, value = cell.partition("=")
        if cell != ALL and name not in schema.categorical and "=" not in value and FILMS_NEEDED <= tally.n <= WHOLE * whole.n:
            yield _source(cell, "predictions", "any", (0, 1), (0, 1))
    for name, bins in schema.categorical.items():
        block, counts = schema.blocks[f"feature/{name}"], whole.feature(name)
        known = counts[: min(len(bins.counted), VALUES_WATCHED)]
        for place in np.flatnonzero((known >= FILMS_NEEDED) & (known <= WHOLE * whole.n)).tolist():
            at = block.start + place
            yield _source(ALL, name, bins.labels[place], (at, at + 1), (block.start, block.stop - 1))


def _source(cell: str, feature: str, value: str, hits: tuple[int, int], trials: tuple[int, int]) -> Series:
    return Series("silence", cell, feature, "", value, ("low",), (Stratum((hits,), (trials,)),))


def _beside(one: Series) -> Series:
    """See a source among the films of all."""
    return Series(one.family, ALL, one.feature, one.finding, one.bin, one.sides, one.strata)


def _habits(own: Ints, among: Ints, weekdays: Ints) -> tuple[Habits, Ints]:
    """Learn from a calendar of counts [days, sources]; also how many working days each source had [sources].

    A pause begins or goes on from working day to working day: what is silent every weekend does not pause there, and days on which others
    were away too are holidays. The chances are means of Beta posteriors: of all busy sources first, then of each source around that, then of
    each weekday around the source's.
    """
    silent, on = own == 0, (weekdays[:, None] == np.arange(WEEK)).astype(np.float64).T
    of_weekday = on.sum(axis=1)[:, None]
    around = (on @ (among - own)) / np.maximum(of_weekday, 1)
    resting = (on @ silent + REST) / (of_weekday + 1)
    working = (resting[weekdays] < REST) & (at_work(among - own, around[weekdays]) >= HOLIDAY)
    before = _before(silent, working)
    started, lasted = working & (before == 0), working & (before == 1)
    begun, days = (started & silent).sum(axis=0), started.sum(axis=0)
    longer, pauses = (lasted & silent).sum(axis=0), lasted.sum(axis=0)
    share, busy = silent.mean(axis=0), begun <= PAUSING * days
    pause = _posterior(begun[busy].sum(), days[busy].sum(), PRIOR_DAYS, PAUSE + PAUSE_OF_RESTING * share)
    most = LONGEST * begun[busy]
    told = np.minimum(longer[busy], most).sum(), np.minimum(pauses[busy], begun[busy] + most).sum()
    lasts = _posterior(*told, PRIOR_PAUSES, LONGER + LONGER_OF_RESTING * share)
    usual = _posterior(begun, days, PRIOR_DAYS, pause)
    first = _posterior(on @ (started & silent), on @ started, PRIOR_DAYS, usual)
    again = np.maximum(_posterior(longer, pauses, PRIOR_PAUSES, lasts), first)
    works = resting < REST
    return Habits(around, np.where(works, first, resting), np.where(works, again, resting)), working.sum(axis=0)


def at_work(others: NDArray[Any], around: Floats) -> Floats:
    """Share of their usual films that others send on a day, 1 at most, and where they are too few to say."""
    return np.where(around < FEW, 1.0, np.minimum(others / np.maximum(around, FEW), 1.0))


def _posterior(hits: Floats | Ints | np.int64, trials: Floats | Ints | np.int64, weight: float, chance: Floats) -> Floats:
    return np.asarray((hits + weight * chance) / (trials + weight))


def _before(silent: NDArray[np.bool_], working: NDArray[np.bool_]) -> Ints:
    """Say of each day whether the source's working day before was silent: 1, 0, or -1 where there was none."""
    found = np.full(silent.shape, -1, dtype=np.int64)
    last = np.full(silent.shape[1], -1, dtype=np.int64)
    for day in range(len(silent)):
        found[day] = last
        last = np.where(working[day], silent[day], last)
    return found
