"""Remedies: what alarms ask for, one open remedy of each, and how far it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import alarms, model_versions, remedies, remedy_steps

STUCK: Final = "stuck"
"""The step that says once that no challenger came back in the time that the plan gives."""


class State(StrEnum):
    """How far a remedy came.

    proposed: waits for a person. handed_over: whoever retrains has the manifest of cases. challenged: its new version predicts in the
    shadow of the champion. promoted: that version answers. failed: it cannot be brought to its end; the last step says why.
    done: it needed no new version, and what it asked for is done.
    """

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    HANDED_OVER = "handed_over"
    CHALLENGED = "challenged"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    DONE = "done"


OPEN: Final = frozenset({State.PROPOSED, State.APPROVED, State.HANDED_OVER, State.CHALLENGED})
"""States in which somebody, or something, still has to act."""
WAYS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.PROPOSED: frozenset({State.APPROVED, State.REJECTED, State.EXPIRED}),
        State.APPROVED: frozenset({State.HANDED_OVER, State.CHALLENGED, State.DONE, State.FAILED}),
        State.HANDED_OVER: frozenset({State.CHALLENGED, State.FAILED}),
        State.CHALLENGED: frozenset({State.PROMOTED, State.FAILED}),
        State.PROMOTED: frozenset({State.ROLLED_BACK}),
        State.DONE: frozenset({State.ROLLED_BACK}),
    }
)
"""From each state to those that may follow it; a state that is not named is an end."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What an alarm asked for.

    action: investigate, rethreshold, recalibrate, retrain or stop. model_version: whose alarm it was. plan: the `[remedies]` section of that
    version's manifest when it was proposed, as JSON; None where a former release proposed it. challenger: the version that came of it.
    evidence_bundle: SHA-256 of the folder of evidence. decided_at: when a person approved or rejected it.
    """

    id: UUID
    alarm: UUID
    action: str
    state: str
    proposed_at: datetime
    model_version: int | None = None
    plan: Mapping[str, Any] | None = None
    challenger: int | None = None
    evidence_bundle: str | None = None
    decided_at: datetime | None = None


def open_remedy(connection: Connection, remedy: Remedy) -> bool:
    """Propose a remedy; false where its alarm has one that is open, or had this very one."""
    statement = insert(remedies).values(**asdict(remedy)).on_conflict_do_nothing().returning(remedies.c.id)
    return connection.scalar(statement) is not None


def find_remedy(connection: Connection, identifier: UUID, *, hold: bool = False) -> Remedy | None:
    """One remedy; None where there is none of this id. hold: nobody else changes it until the transaction ends."""
    query = _all().where(remedies.c.id == identifier)
    row = connection.execute(query.with_for_update(of=remedies) if hold else query).one_or_none()
    return None if row is None else _remedy(row)


def remedies_of(connection: Connection, model_version: int) -> list[Remedy]:
    """Every remedy of a model version, latest first."""
    query = _all().where(alarms.c.model_version == model_version)
    return [_remedy(row) for row in connection.execute(query.order_by(remedies.c.proposed_at.desc(), remedies.c.id))]


def remedies_of_model(connection: Connection, model: str) -> list[Remedy]:
    """Every remedy of all versions of a model, latest first."""
    query = _all().join(model_versions, model_versions.c.id == alarms.c.model_version).where(model_versions.c.model == model)
    return [_remedy(row) for row in connection.execute(query.order_by(remedies.c.proposed_at.desc(), remedies.c.id))]


def remedies_in(connection: Connection, *states: State) -> list[Remedy]:
    """Every remedy in one of these states, of all models, oldest first."""
    query = _all().where(remedies.c.state.in_(states)).order_by(remedies.c.proposed_at, remedies.c.id)
    return [_remedy(row) for row in connection.execute(query)]


def remedies_of_alarm(connection: Connection, alarm: UUID) -> list[Remedy]:
    """Every remedy that an alarm asked for, first one first."""
    query = _all().where(remedies.c.alarm == alarm).order_by(remedies.c.proposed_at, remedies.c.id)
    return [_remedy(row) for row in connection.execute(query)]


def remedy_of_challenger(connection: Connection, model_version: int) -> Remedy | None:
    """The latest remedy that a version came of; None where it came of none."""
    query = _all().where(remedies.c.challenger == model_version).order_by(remedies.c.proposed_at.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _remedy(row)


def set_fields(connection: Connection, identifier: UUID, values: Mapping[str, object]) -> None:
    """Store what is known now of a remedy; whoever calls holds it."""
    connection.execute(update(remedies).where(remedies.c.id == identifier).values(**values))


def count_open_remedies(connection: Connection) -> Mapping[tuple[str, str, str], int]:
    """Remedies that wait for a person: (model, version, action) -> how many."""
    return _count(connection, remedies.c.state == State.PROPOSED)


def count_stuck_remedies(connection: Connection) -> Mapping[tuple[str, str, str], int]:
    """Remedies that were handed over and brought no challenger in the time that their plan gives: (model, version, action) -> how many."""
    noted = exists().where(remedy_steps.c.remedy == remedies.c.id, remedy_steps.c.step == STUCK)
    return _count(connection, remedies.c.state == State.HANDED_OVER, noted)


def _count(connection: Connection, *which: ColumnElement[bool]) -> Mapping[tuple[str, str, str], int]:
    key = (model_versions.c.model, model_versions.c.version, remedies.c.action)
    query = (
        select(*key, func.count())
        .join(alarms, alarms.c.id == remedies.c.alarm)
        .join(model_versions, model_versions.c.id == alarms.c.model_version)
        .where(*which)
        .group_by(*key)
        .order_by(*key)
    )
    return {(model, version, action): count for model, version, action, count in connection.execute(query)}


def _all() -> Select[Any]:
    """Remedies with whose they are, which a former release left to their alarm."""
    whose = func.coalesce(remedies.c.model_version, alarms.c.model_version).label("model_version")
    columns = [column for column in remedies.c if column.name != "model_version"]
    return select(*columns, whose).join(alarms, alarms.c.id == remedies.c.alarm)


def _remedy(row: Row[Any]) -> Remedy:
    return Remedy(**row._asdict())
