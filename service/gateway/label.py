"""Label: what a reader states about a film becomes labels of the predictions that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from service.domain import Label
from service.errors import StepwedgeError, UnknownFindingError, UnknownPredictionError
from service.gateway.pseudonym import pseudonym
from service.gateway.versions import Versions
from service.store.labels import add_labels
from service.store.predictions import first_of, predictions_of, versions_of


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about: a prediction, or every prediction of an accession or instance; `model` narrows it. Pseudonyms only."""

    prediction: UUID | None = None
    accession: bytes | None = None
    instance: bytes | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One reader's word on one finding; the reader is a pseudonym."""

    subject: Subject
    finding: str
    value: float
    source: str
    reader: bytes | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Stated:
    """What became of a batch: how many labels were new, and for each statement the error that kept it out, if any."""

    added: int
    errors: tuple[StepwedgeError | None, ...]


def reader_token(key: bytes, reader: str | None) -> bytes | None:
    return pseudonym(key, "reader", reader) if reader else None


def state(
    connection: Connection, versions: Versions, statements: Sequence[Statement], received_at: datetime, *, whole: bool = False
) -> Stated:
    """Store the labels of all statements that are about something that is known.

    One that is not keeps itself out; with `whole` it is raised, and keeps all of them out.
    """
    labels: list[Label] = []
    errors: list[StepwedgeError | None] = []
    films = {subject: films_of(connection, subject) for subject in dict.fromkeys(statement.subject for statement in statements)}
    for statement in statements:
        try:
            labels += labels_of(connection, versions, statement, films[statement.subject], received_at)
            errors.append(None)
        except StepwedgeError as error:
            if whole:
                raise
            errors.append(error)
    return Stated(add_labels(connection, labels), tuple(errors))


def films_of(connection: Connection, subject: Subject) -> dict[UUID, int]:
    """The predictions that a subject names, each with its model version."""
    if subject.prediction is not None:
        return versions_of(connection, [first_of(connection, subject.prediction)])
    return versions_of(connection, predictions_of(connection, accession=subject.accession, instance=subject.instance))


def labels_of(
    connection: Connection, versions: Versions, statement: Statement, films: dict[UUID, int], received_at: datetime
) -> list[Label]:
    """One label for each prediction whose model has the finding.

    Raises:
        UnknownPredictionError: The statement is about no prediction that is stored.
        UnknownFindingError: It is, but no model that answered has this finding.
    """
    manifests = {film: versions.manifest_of(connection, version) for film, version in films.items()}
    wanted = [film for film, manifest in manifests.items() if statement.subject.model in {None, manifest.name}]
    if not wanted:
        raise UnknownPredictionError
    knowing = [film for film in wanted if statement.finding in manifests[film].finding_names]
    if not knowing:
        raise UnknownFindingError
    return [
        Label(film, statement.finding, statement.value, statement.source, statement.reader, statement.made_at, received_at)
        for film in knowing
    ]
