"""Erasures: whom and what was erased, and when, so that a film that waited elsewhere meanwhile is not recorded when its turn comes.

Kept is a digest of the pseudonym, which leads nowhere: one can only ask whether a film that is at hand is meant. What was received before an
erasure is erased; what comes after it is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from service.domain import Pseudonyms
from service.store.capture_tables import erasures
from service.store.locks import key_of

LOCK: Final = "erasures"
SHARED: Final = text("select pg_advisory_xact_lock_shared(:key)")


class Named(StrEnum):
    """What can be erased."""

    STUDY = "study"
    PATIENT = "patient"
    ACCESSION = "accession"


Film = tuple[Pseudonyms, datetime]
"""Whom it names, and when it was received."""


def mark_of(named: Named, pseudonym: bytes) -> bytes:
    """What is kept of an erased pseudonym."""
    return hashlib.sha256(b"erased " + named.encode() + b" " + pseudonym).digest()


def note_erasure(connection: Connection, named: Named, pseudonym: bytes, at: datetime) -> None:
    """Let what was received until then be erased, wherever it still waits."""
    statement = insert(erasures).values(mark=mark_of(named, pseudonym), at=at)
    latest = func.greatest(erasures.c.at, statement.excluded.at)
    connection.execute(statement.on_conflict_do_update(index_elements=["mark"], set_={"at": latest}))


def erased_among(connection: Connection, films: Sequence[Film]) -> list[bool]:
    """Of each film, whether whom it names was erased after it had been received. Until our commit no erasure begins, and none is under way."""
    connection.execute(SHARED, {"key": key_of(LOCK)})
    marks = [[mark_of(named, code) for named in Named if (code := getattr(names, named)) is not None] for names, _ in films]
    query = select(erasures.c.mark, erasures.c.at).where(erasures.c.mark.in_({mark for mine in marks for mark in mine}))
    erased_at = {row.mark: row.at for row in connection.execute(query)}
    return [
        any(mark in erased_at and received_at <= erased_at[mark] for mark in mine)
        for mine, (_, received_at) in zip(marks, films, strict=True)
    ]
