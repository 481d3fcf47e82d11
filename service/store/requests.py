"""Requests that are answered later: what became of them, for whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, delete, select
from sqlalchemy.dialects.postgresql import insert

from service.errors import UnknownRequestError
from service.store.request_tables import requests

MOST_OF_A_BATCH = 10_000
MOST_FORGOTTEN = 5_000


@dataclass(frozen=True, slots=True)
class RequestStatus:
    """How far a request is. batch, part: what brought it, and its place in there; reason, status, detail: its problem, if it failed."""

    id: UUID
    batch: UUID
    part: int
    model: str | None
    site: str
    caller: str
    priority: str
    state: str
    received_at: datetime
    ended_at: datetime | None
    prediction: UUID | None
    reason: str | None
    status: int | None
    detail: str | None


COLUMNS = tuple(requests.c[field.name] for field in fields(RequestStatus))


def record_requests(connection: Connection, batch: Sequence[RequestStatus]) -> None:
    """Store how far these are. An end is final, in whatever order statements arrive."""
    statement = insert(requests)
    given = {field.name: statement.excluded[field.name] for field in fields(RequestStatus)}
    kept = ("id", "batch", "part", "site", "caller", "priority", "received_at")
    upsert = statement.on_conflict_do_update(
        index_elements=["id"],
        set_={name: value for name, value in given.items() if name not in kept},
        where=and_(requests.c.ended_at.is_(None), given["ended_at"].is_not(None)),
    )
    if batch:
        connection.execute(upsert, [asdict(one) for one in batch])


def find_request(connection: Connection, identifier: UUID) -> RequestStatus:
    """How far a request is.

    Raises:
        UnknownRequestError: There is none of this id.
    """
    row = connection.execute(select(*COLUMNS).where(requests.c.id == identifier)).one_or_none()
    if row is None:
        raise UnknownRequestError
    return RequestStatus(**row._asdict())


def requests_of(connection: Connection, batch: UUID) -> list[RequestStatus]:
    """All requests that came together, in their order."""
    query = select(*COLUMNS).where(requests.c.batch == batch).order_by(requests.c.part, requests.c.id).limit(MOST_OF_A_BATCH)
    return [RequestStatus(**row._asdict()) for row in connection.execute(query)]


def forget_requests(connection: Connection, ended_before: datetime) -> int:
    """Remove requests that ended long ago, some at a time; how many it were."""
    old = select(requests.c.id).where(requests.c.ended_at < ended_before).limit(MOST_FORGOTTEN)
    return connection.execute(delete(requests).where(requests.c.id.in_(old))).rowcount
