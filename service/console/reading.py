"""Reading: one film of a list after the other, and what a reader says of each finding.

The word of a form carries the moment at which the page was made, so that a form which is sent twice is one statement; a film that is read
again is a correction, which takes the place of what the same reader said before. The reader is whoever has logged in: a key for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from service.access import Act, Deed, Role
from service.api.labels import put
from service.api.state import service_of
from service.console.film import film_address, film_of, is_kept
from service.console.forms import read_form
from service.console.page import Asked, href
from service.console.render import headers_for
from service.console.visitor import Visitor
from service.domain import Assessment, Label, ModelVersion, Prediction, Tier
from service.errors import InvalidRequestError, UnknownPredictionError
from service.gateway.label import reader_token
from service.models.interpretation import Interpreted, interpret
from service.models.manifest import parse_manifest
from service.store.labels import labels_of
from service.store.models import version_by_id
from service.store.predictions import find_prediction
from service.store.statements import Statement, Subject
from service.store.worklist import Asked as AskedFor
from service.store.worklist import asked_by, asked_for, read_among

SAY = "/console/models/{model}/worklist/{film}"
READ_ON = "film"
SOURCE = "console"
LONGEST_LOOK = timedelta(hours=12)
WHY: Mapping[str, str] = {
    "floor": "by chance, so that nothing stays unseen",
    "doubt": "the answer is in doubt",
    "alarm": "it lies behind an open alarm",
}


@dataclass(frozen=True, slots=True)
class Word:
    """What may be said of a finding: the value of its button, its key, and what it states."""

    name: str
    key: str
    means: str
    value: float | None = None
    assessment: Assessment | None = None


ACCEPTED = Word("accepted", "a", "the model is right", assessment=Assessment.ACCEPTED)
REJECTED = Word("rejected", "r", "the model is wrong", assessment=Assessment.REJECTED)
SUPPLEMENTED = Word("supplemented", "s", "the model missed it", assessment=Assessment.SUPPLEMENTED)
PRESENT, ABSENT = Word("present", "p", "the film shows it", value=1.0), Word("absent", "b", "the film does not show it", value=0.0)
UNCERTAIN = Word("uncertain", "u", "it cannot be said")
WORDS: Mapping[str, Word] = {one.name: one for one in (ACCEPTED, REJECTED, SUPPLEMENTED, PRESENT, ABSENT, UNCERTAIN)}


@dataclass(frozen=True, slots=True)
class Question:
    """One finding of the film: what the model says (None where the reader is not to know), and what may be said of it."""

    finding: str
    answer: Interpreted | None
    words: tuple[Word, ...]
    said: str


@dataclass(frozen=True, slots=True)
class Place:
    """A film of the list."""

    film: UUID
    number: int
    read: bool
    address: str


@dataclass(frozen=True, slots=True)
class Film:
    """The film that is read now. picture: where its pixels are; None where they are not kept. gone: it was erased, or dropped by its age."""

    id: UUID
    number: int
    gone: bool
    received_at: datetime | None
    site: str
    why: str
    probability: float
    picture: str | None
    report: str
    questions: tuple[Question, ...]
    say: str
    skip: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A list and the film that is read now; None once all are read. shown_at: when this page was made."""

    seed: int
    blind: bool
    shown_at: datetime
    places: tuple[Place, ...]
    read: int
    film: Film | None
    turned: str


def reading(connection: Connection, asked: Asked, version: ModelVersion, seed: int) -> Reading:
    """The list of a seed: at the film that the address names, else at the first unread one.

    Raises:
        UnknownPredictionError: The address names a film that the list does not have.
    """
    films, blind = asked_by(connection, version.id, seed), bool(asked.query.get("blind"))
    read = read_among(connection, [one.prediction for one in films])
    named = asked.query.get("film", "")
    at = _place_of(films, film_of(named)) if named else _next_unread(films, read, -1)
    list_address = href("/console/models/{model}/worklist", model=asked.model)
    addresses = [f"{list_address}?{_query(seed, blind=blind, film=str(one.prediction))}#{READ_ON}" for one in films]
    places = tuple(Place(one.prediction, n + 1, one.prediction in read, addresses[n]) for n, one in enumerate(films))
    skip = None if at is None else _next_unread(films, read, at)
    reader = reader_token(asked.service.key, asked.visitor.caller.name)
    return Reading(
        seed=seed,
        blind=blind,
        shown_at=asked.now,
        places=places,
        read=len(read),
        film=None
        if at is None
        else _film(connection, asked.model, _Told(films[at], at + 1, reader, blind, addresses[at if skip is None else skip])),
        turned=f"{list_address}?{_query(seed, blind=not blind, film=named)}#{READ_ON}",
    )


def _place_of(films: list[AskedFor], film: UUID) -> int:
    found = next((n for n, one in enumerate(films) if one.prediction == film), None)
    if found is None:
        raise UnknownPredictionError
    return found


def _next_unread(films: list[AskedFor], read: set[UUID], after: int) -> int | None:
    """The place of the next unread film behind this one, else from the beginning; None where all are read."""
    order = [*range(after + 1, len(films)), *range(max(after, 0))]
    return next((n for n in order if films[n].prediction not in read), None)


def _query(seed: int, *, blind: bool, film: str) -> str:
    return urlencode({"seed": seed, **({"blind": 1} if blind else {}), **({"film": film} if film else {})})


@dataclass(frozen=True, slots=True)
class _Told:
    """A film of the list, its number, who reads it, and where one goes who skips it."""

    asked: AskedFor
    number: int
    reader: bytes | None
    blind: bool
    skip: str


def _film(connection: Connection, model: str, told: _Told) -> Film:
    identifier = told.asked.prediction
    try:
        prediction = find_prediction(connection, identifier)
    except UnknownPredictionError:
        prediction = None
    return Film(
        id=identifier,
        number=told.number,
        gone=prediction is None,
        received_at=None if prediction is None else prediction.received_at,
        site="" if prediction is None else prediction.site,
        why=WHY.get(told.asked.reason, told.asked.reason),
        probability=told.asked.probability,
        picture=film_address(model, identifier) if prediction is not None and is_kept(connection, identifier) else None,
        report=f"/v1/predictions/{identifier}/sr",
        questions=() if prediction is None else tuple(_questions(connection, prediction, told)),
        say=href(SAY, model=model, film=identifier),
        skip=told.skip,
    )


def _questions(connection: Connection, prediction: Prediction, told: _Told) -> Iterator[Question]:
    """Each finding, with what this reader said of it before; what others said would only lead him."""
    manifest = parse_manifest(version_by_id(connection, prediction.model_version).manifest)
    said = {
        label.finding: in_word(label) for _, label in labels_of(connection, prediction.id) if label.asked and label.reader == told.reader
    }
    for answer in interpret(manifest, prediction.scores.logits):
        judged = (ACCEPTED, REJECTED) if answer.positive else (ACCEPTED, SUPPLEMENTED)
        words = (PRESENT, ABSENT, UNCERTAIN) if told.blind else (*judged, UNCERTAIN)
        name = answer.finding.name
        yield Question(name, None if told.blind else answer, words, said.get(name, ""))


def in_word(label: Label) -> str:
    """What was said last, as the button that says it."""
    if label.assessment is not None:
        return label.assessment.value
    return {1.0: PRESENT.name, 0.0: ABSENT.name, None: UNCERTAIN.name}.get(label.value, f"{label.value}")


async def say(request: Request, visitor: Visitor) -> Response:
    """Keep what a reader says of a film that was drawn, and show the next."""
    visitor.need(Role.LABEL)
    fields, now, service = await read_form(request, visitor), datetime.now(UTC), await service_of(request)
    film, model = film_of(request.path_params["film"]), request.path_params["model"]
    reader = reader_token(service.key, visitor.caller.name)
    words, shown_at = words_of(fields), moment_of(fields, now)
    statements = [
        Statement(Subject(prediction=film), finding, word.value, SOURCE, Tier.READ, reader, shown_at, word.assessment, asked=True)
        for finding, word in words.items()
    ]

    def work(connection: Connection) -> int:
        version, seed = asked_for(connection, film)
        if version_by_id(connection, version).model != model:
            raise UnknownPredictionError
        put(connection, statements, now)
        return seed

    seed = await service.database.run(work)
    service.audit.note(Act(now, visitor.caller.name, Deed.LABELS_STATED, str(film)))
    query = _query(seed, blind=bool(fields.get("blind")), film="")
    address = href("/console/models/{model}/worklist", model=model)
    return RedirectResponse(f"{address}?{query}#{READ_ON}", 303, headers=headers_for(request))


def words_of(fields: Mapping[str, str]) -> Mapping[str, Word]:
    """Finding -> what is said of it.

    Raises:
        InvalidRequestError: Nothing is said, or something that nobody can say.
    """
    said = {name.removeprefix("say-"): value for name, value in fields.items() if name.startswith("say-")}
    if not said or any(value not in WORDS for value in said.values()):
        raise InvalidRequestError(f"Say at least of one finding: {', '.join(WORDS)}.")
    return {finding: WORDS[value] for finding, value in said.items()}


def moment_of(fields: Mapping[str, str], now: datetime) -> datetime:
    """When the page was made that the form is from.

    Raises:
        InvalidRequestError: It is no moment of the last hours.
    """
    try:
        at = datetime.fromisoformat(fields.get("shown_at", ""))
    except ValueError:
        at = datetime.min.replace(tzinfo=UTC)
    if at.tzinfo is None or not timedelta(0) <= now - at <= LONGEST_LOOK:
        raise InvalidRequestError("The form is too old. Reload the page, and say it again.")
    return at.astimezone(UTC)
