"""Acknowledgements: somebody has seen an alarm, and says what is made of it. The alarm itself stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from service.access import Act, Deed
from service.store.audit import append
from service.store.console_tables import acknowledgements


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has seen an alarm, when, and why nothing, or what, follows. actor: the name of a key or a token's pseudonym, never a person's."""

    id: UUID
    alarm: UUID
    at: datetime
    actor: str
    reason: str


def acknowledge(connection: Connection, said: Acknowledgement) -> None:
    """Keep it, and audit it; the same one again changes nothing."""
    statement = insert(acknowledgements).values(**asdict(said)).on_conflict_do_nothing().returning(acknowledgements.c.id)
    if connection.scalar(statement) is not None:
        append(connection, Act(said.at, said.actor, Deed.ALARM_ACKNOWLEDGED, str(said.alarm), {"reason": said.reason}))


def acknowledgements_of(connection: Connection, alarms: Sequence[UUID]) -> Mapping[UUID, tuple[Acknowledgement, ...]]:
    """What was said of these alarms, earliest first; alarms of which nothing was said are left out."""
    query = select(acknowledgements).where(acknowledgements.c.alarm.in_(alarms)).order_by(acknowledgements.c.at, acknowledgements.c.id)
    found: dict[UUID, tuple[Acknowledgement, ...]] = {}
    for row in connection.execute(query):
        found[row.alarm] = (*found.get(row.alarm, ()), Acknowledgement(**row._asdict()))
    return found
