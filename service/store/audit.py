"""The audit log: what was done, by whom, in one chain however many processes write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Row, insert, select

from service.access import Act, Deed
from service.store.access_tables import audit
from service.store.chain import Entry, Head, follow
from service.store.locks import hold_until_commit

LOCK = "audit"
ON_SITE = "on-site"
"""Whoever has the database's address and the command line of a machine; with a number where the machine tells one user from another."""
WORKER = "worker"
AT_ONCE = 1000


def append(connection: Connection, *acts: Act) -> Head:
    """Write acts at the end of the log, in the caller's transaction, which holds the log's lock from here to its end: write last.

    The transaction must be READ COMMITTED: an older snapshot does not see the end of the log.
    """
    hold_until_commit(connection, LOCK)
    head = head_of(connection)
    rows: list[dict[str, object]] = []
    for act in acts:
        entry = follow(head, act)
        head = Head(entry.seq, entry.hash)
        rows.append(_row(entry))
    if rows:
        connection.execute(insert(audit), rows)
    return head


def head_of(connection: Connection) -> Head:
    """The end of the log."""
    row = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    return Head() if row is None else Head(row.seq, row.hash)


def entries(connection: Connection, after: int = 0) -> Iterator[Entry]:
    """Every row behind this one by number, a thousand at a time."""
    last = after
    while found := _page(connection, last):
        yield from found
        last = found[-1].seq


def _page(connection: Connection, after: int) -> Sequence[Entry]:
    query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(AT_ONCE)
    return [entry_of(row) for row in connection.execute(query)]


def _row(entry: Entry) -> dict[str, object]:
    act = entry.act
    return {
        "seq": entry.seq,
        "at": act.at,
        "actor": act.actor,
        "deed": act.deed,
        "subject": act.subject,
        "details": dict(act.details),
        "previous": entry.previous,
        "hash": entry.hash,
    }


def entry_of(row: Row[tuple[object, ...]]) -> Entry:
    """A row of the table."""
    fields = row._asdict()
    act = Act(fields["at"], fields["actor"], Deed(fields["deed"]), fields["subject"], fields["details"])
    return Entry(fields["seq"], act, fields["previous"], fields["hash"])
