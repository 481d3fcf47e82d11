"""Story: what the demo did to the stream, in order, beside what was found and when. What was done is the demo's note; all else the store says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from service.console.alarm import PATH as ALARM
from service.console.page import Asked, Page, Place, href
from service.console.remedy import PATH as REMEDY
from service.console.render import MODEL, STORY
from service.console.story_note import Note, Told, read_note
from service.domain import Alarm, ModelVersion
from service.review.verdicts import Confirmation, EvidentlyReport
from service.store.alarms import alarms_of
from service.store.models import versions
from service.store.references import StoredReference, active_reference
from service.store.remedies import remedies_of_alarm
from service.store.reviews import Kind, reviews_of
from service.store.volumes import answered_between
from service.worker.calendar import DAY, midnight

PAGES = {"inputs": ("inputs", "Inputs"), "truth": ("calibration", "Calibration")}
"""Family of alarm -> the page that shows what moved: its last part, and its name."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A fact, and the page that shows it."""

    text: str
    link: str
    address: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """One stretch of the story. state: found, missed, quiet, false, or open while it is not over. films: answered in it so far."""

    number: int
    first: str
    last: str
    done: str
    state: str
    films: int
    found: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class StoryView:
    """The story as far as it is told."""

    note: Note
    version: str
    address: str
    chapters: tuple[Chapter, ...]
    ends: tuple[Sentence, ...]


def story(connection: Connection, asked: Asked) -> StoryView:
    """The story of the demo whose note lies in the data folder.

    Raises:
        HTTPException: 404; no demo runs here, or another database than this one is told its story.
    """
    note = read_note(asked.service.settings.data_dir)
    version = None if note is None else version_of(connection, note)
    if note is None or version is None:
        raise HTTPException(404)
    alarms, reference = alarms_of(connection, version.id), active_reference(connection, version.id)
    told = [one for one in note.deeds if one.first_day < max(note.days_told, 1)]
    chapters = [_chapter(connection, _Stretch(note, version, one, reference), alarms, number + 1) for number, one in enumerate(told)]
    return StoryView(note, version.version, href(MODEL, model=note.model), tuple(chapters), tuple(_ends(note)))


def version_of(connection: Connection, note: Note) -> ModelVersion | None:
    """The version that the story is about; None where this database is not the one that is told it."""
    return next((one for one in versions(connection, note.model) if one.registered_at == note.registered_at), None)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A deed of a story."""

    note: Note
    version: ModelVersion
    told: Told
    reference: StoredReference | None

    @property
    def begin(self) -> datetime:
        return midnight(self.note.day(self.told.first_day))

    @property
    def end(self) -> datetime:
        return midnight(self.note.day(min(self.told.end, self.note.days_told)))

    @property
    def over(self) -> bool:
        return self.note.days_told >= self.told.end

    def opened(self, alarms: Sequence[Alarm]) -> list[Alarm]:
        """An alarm opens at the end of the day that spoke, so its moment is the midnight after."""
        return sorted((one for one in alarms if self.begin < one.opened_at <= self.end), key=lambda one: one.opened_at)


def _chapter(connection: Connection, stretch: _Stretch, alarms: Sequence[Alarm], number: int) -> Chapter:
    told, note, opened = stretch.told, stretch.note, stretch.opened(alarms)
    answer = next((one for one in opened if one.family == told.asked), None)
    others = [one for one in opened if one is not answer]
    return Chapter(
        number=number,
        first=note.day(told.first_day).isoformat(),
        last=note.day(told.end - 1).isoformat(),
        done=told.done,
        state=_state(stretch, answer, others),
        films=answered_between(connection, stretch.version.id, stretch.begin, stretch.end),
        found=tuple(_found(connection, stretch, answer, others)),
    )


def _state(stretch: _Stretch, answer: Alarm | None, others: Sequence[Alarm]) -> str:
    if stretch.told.asked is None:
        return "false" if others else "quiet" if stretch.over else "open"
    return "found" if answer else "missed" if stretch.over else "open"


def _found(connection: Connection, stretch: _Stretch, answer: Alarm | None, others: Sequence[Alarm]) -> Iterator[Sentence]:
    if stretch.told.first_day == 0 and stretch.reference is not None:
        since, until = stretch.reference.since.date(), (stretch.reference.until - DAY).date()
        yield Sentence(
            f"What later days are compared to: the films of {since} to {until}.", "The model", href(MODEL, model=stretch.note.model)
        )
    if answer is not None:
        yield from _answered(connection, stretch, answer)
    if answer is None and not others:
        said = "No alarm was opened" if stretch.over else "No alarm was opened so far"
        yield Sentence(f"{said}.", "Evidence over time", f"{href(MODEL, model=stretch.note.model)}#evidence")
    for one in others:
        yield Sentence(
            f"{'Also' if stretch.told.asked else 'A false alarm'}: {_closed(one.summary)}", "The alarm", _alarm_address(stretch, one)
        )


def _answered(connection: Connection, stretch: _Stretch, alarm: Alarm) -> Iterator[Sentence]:
    days, address = (alarm.opened_at - stretch.begin) // DAY, _alarm_address(stretch, alarm)
    films = answered_between(connection, stretch.version.id, stretch.begin, alarm.opened_at)
    yield Sentence(f"Found after {days} day{'' if days == 1 else 's'} and {films:,} films: {_closed(alarm.summary)}", "The alarm", address)
    yield Sentence(
        f"It is estimated to have begun on {alarm.since.date()}.", "Evidence over time", f"{href(MODEL, model=stretch.note.model)}#evidence"
    )
    part, name = PAGES.get(alarm.family, PAGES["inputs"])
    choice = urlencode({"cell": alarm.cell, "until": stretch.note.day(stretch.told.end - 1) if stretch.over else ""})
    yield Sentence("What it looks like, reference beside window.", name, f"{href(MODEL, model=stretch.note.model)}/{part}?{choice}")
    reviews = reviews_of(connection, alarm.id)
    if Kind.CONFIRMATION in reviews:
        said = Confirmation.restore(reviews[Kind.CONFIRMATION].payload).summary
        yield Sentence(f"alibi-detect, asked for a second opinion: {_closed(said)}", "Second opinions", f"{address}#seconds")
    if Kind.REPORT in reviews:
        yield Sentence(
            f"Evidently: {_closed(EvidentlyReport.restore(reviews[Kind.REPORT].payload).summary)}", "Its report", f"{address}/report"
        )
    for remedy in remedies_of_alarm(connection, alarm.id):
        text = f"It asks for this: {remedy.action.replace('_', ' ')} ({remedy.state.replace('_', ' ')})."
        yield Sentence(text, "The remedy", href(REMEDY, remedy=remedy.id))


def _closed(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _alarm_address(stretch: _Stretch, alarm: Alarm) -> str:
    return href(ALARM, model=stretch.note.model, alarm=alarm.id)


def _ends(note: Note) -> Iterator[Sentence]:
    model, last = href(MODEL, model=note.model), note.day(max(note.days_told, 1) - 1)
    yield Sentence("Is the model well now?", "The model", model)
    yield Sentence(
        "All of it on paper, for a committee.", "Report", f"{model}/report/sheet.html?{urlencode({'from': note.epoch, 'to': last})}"
    )
    yield Sentence("Which films are worth reading next?", "Worklist", f"{model}/worklist")


STORY_PAGE = Page("story", "Story", STORY, story, Place.BELOW, refresh_s=5)
