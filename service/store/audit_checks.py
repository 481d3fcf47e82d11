"""Checks of the audit log: how far its chain was followed, when, by whom, and what was found.

A check follows a bounded stretch and the next goes on behind it, so that a log of years is followed in parts. What a check says is as good as
the database that keeps it: against whoever owns that, only a head that was noted elsewhere speaks (service/store/chain.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, insert, select

from service.store.access_tables import audit
from service.store.access_tables import audit_checks as table
from service.store.audit import entries, head_of
from service.store.chain import BEFORE_ALL, Head, Verdict, walk


@dataclass(frozen=True, slots=True)
class Check:
    """One walk along the chain. Rows first to last are as they were written (none where last is smaller).

    broken: the first row that is not right, with the reason; None where all are.
    """

    at: datetime
    actor: str
    first: int
    last: int
    hash: bytes
    broken: int | None
    reason: str

    @property
    def head(self) -> Head:
        """The last row that was found right."""
        return Head(self.last, self.hash)


def check_next(connection: Connection, at: datetime, actor: str, most: int) -> Check:
    """Follow the chain on from where the last check ended, at most so many rows; from its beginning where that had reached the end or found a fault."""
    before, end = last_checks(connection, 1), head_of(connection)
    behind = bool(before) and before[0].broken is None and before[0].last != end.seq
    return check(connection, at, actor, before[0].head if behind else BEFORE_ALL, most)


def check(connection: Connection, at: datetime, actor: str, start: Head, most: int) -> Check:
    """Follow the chain from a row that was found right before, at most so many rows, and write down what was found."""
    verdict = _walked(connection, start, most)
    found = Check(at, actor, start.seq + 1, verdict.head.seq, verdict.head.hash, verdict.broken, verdict.reason)
    connection.execute(
        insert(table).values(
            at=found.at,
            actor=found.actor,
            first=found.first,
            last=found.last,
            hash=found.hash,
            broken=found.broken,
            reason=found.reason,
        )
    )
    return found


def _walked(connection: Connection, start: Head, most: int) -> Verdict:
    """A start that is no longer there, or another, is a fault of its own: behind it nothing need be missing."""
    if start != BEFORE_ALL:
        there = connection.scalar(select(audit.c.hash).where(audit.c.seq == start.seq))
        if there is None:
            return Verdict(start, start.seq, "it was found right before, and is missing now")
        if there != start.hash:
            return Verdict(start, start.seq, "it is not the row that was found right before")
    return walk(islice(entries(connection, start.seq), most), start=start)


def last_checks(connection: Connection, most: int) -> list[Check]:
    """The checks, the latest first."""
    columns = (table.c.at, table.c.actor, table.c.first, table.c.last, table.c.hash, table.c.broken, table.c.reason)
    return [Check(*row) for row in connection.execute(select(*columns).order_by(table.c.id.desc()).limit(most))]
