"""The end of the story: what was done to the stream beside what Stepwedge said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from math import ceil
from textwrap import wrap

from service.demo.deeds import Deed, deeds_of
from service.demo.population import studies_of
from service.demo.scenario import Scenario
from service.domain import Alarm

WIDTHS = (24, 34, 46, 16)
HEAD = ("when", "what was done to the stream", "what Stepwedge said", "after")
SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Chapter:
    """A deed and what Stepwedge said of it.

    alarm: the first alarm of the family that was asked for. others: what else was opened meanwhile.
    days, studies: from the beginning of the deed to the alarm, or to its end.
    """

    deed: Deed
    alarm: Alarm | None
    others: tuple[Alarm, ...]
    days: int
    studies: int


@dataclass(frozen=True, slots=True)
class Report:
    """The whole story, ready to be printed."""

    scenario: Scenario
    chapters: tuple[Chapter, ...]

    @property
    def false_alarms(self) -> tuple[Alarm, ...]:
        """Alarms of the stretches in which nothing was done."""
        return tuple(alarm for chapter in self.chapters if chapter.deed.asked is None for alarm in chapter.others)

    def alarm_for(self, asked: str) -> Alarm | None:
        """The alarm that answers the chapter which calls for this family."""
        return next((chapter.alarm for chapter in self.chapters if chapter.deed.asked == asked), None)


def report(scenario: Scenario, alarms: Sequence[Alarm]) -> Report:
    """Set each chapter of the scenario beside the alarms that were opened in it."""
    return Report(scenario, tuple(_chapter(scenario, alarms, deed) for deed in deeds_of(scenario)))


def _chapter(scenario: Scenario, alarms: Sequence[Alarm], deed: Deed) -> Chapter:
    # An alarm opens at the end of the day that spoke, so its moment is the midnight after.
    begin, stop = scenario.midnight(deed.first_day), scenario.midnight(deed.end)
    opened = sorted((alarm for alarm in alarms if begin < alarm.opened_at <= stop), key=lambda one: one.opened_at)
    answer = next((alarm for alarm in opened if alarm.family == deed.asked), None)
    until = answer.opened_at if answer else stop
    return Chapter(
        deed=deed,
        alarm=answer,
        others=tuple(alarm for alarm in opened if alarm is not answer),
        days=ceil((until - begin).total_seconds() / SECONDS_A_DAY),
        studies=_studies_between(scenario, deed.first_day, until),
    )


def _studies_between(scenario: Scenario, first: int, until: datetime) -> int:
    days = range(first, first + ceil((until - scenario.midnight(first)).total_seconds() / SECONDS_A_DAY))
    return sum(study.received_at < until for day in days for study in studies_of(scenario, day))


def table(told: Report) -> Iterator[str]:
    """The report as lines of text."""
    yield from _row(HEAD)
    yield "  ".join("-" * width for width in WIDTHS)
    for chapter in told.chapters:
        yield from _row(_cells(told.scenario, chapter))


def _cells(scenario: Scenario, chapter: Chapter) -> tuple[str, str, str, str]:
    deed = chapter.deed
    when = f"days {deed.first_day + 1} to {deed.end}, from {scenario.date_of(deed.first_day)}"
    said = [chapter.alarm.summary] if chapter.alarm else ["no alarm" if deed.asked is None and not chapter.others else ""]
    said += ["NOT FOUND"] if deed.asked and not chapter.alarm else []
    said += [f"{'FALSE ALARM' if deed.asked is None else 'also'}: {alarm.summary}" for alarm in chapter.others]
    return when, deed.done, "; ".join(filter(None, said)), f"{chapter.days} days, {chapter.studies:,} studies"


def _row(cells: Sequence[str]) -> Iterator[str]:
    columns = [wrap(cell, width) for cell, width in zip(cells, WIDTHS, strict=True)]
    for lines in zip_longest(*columns, fillvalue=""):
        yield "  ".join(f"{line:<{width}}" for line, width in zip(lines, WIDTHS, strict=True)).rstrip()
