"""The chain of the audit log: each row's hash covers its content and the hash before it, so that a change shows from there on.

What it proves: against a head (number and hash) that was noted elsewhere, every row up to it is as it was written, and none is missing.
What it does not: whoever owns the database can drop the trigger, and write a chain of his own from any row to the end. That shows only
against a noted head; so heads are printed by `stepwedge doctor`, `audit verify` and `audit export`, and the worker logs one a day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256

from service.access import Act

BEGINNING = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: what was done, its number, and its place in the chain."""

    seq: int
    act: Act
    previous: bytes
    hash: bytes

    def to_json(self) -> str:
        """The row as a line of NDJSON; from it anybody can compute the chain again."""
        return json.dumps({**_content(self.seq, self.act), "previous": self.previous.hex(), "hash": self.hash.hex()}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain, or a row that was its end once."""

    seq: int = 0
    hash: bytes = BEGINNING

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head that was noted as `12:9f...`.

        Raises:
            ValueError: It was not.
        """
        seq, _, digest = text.strip().partition(":")
        head = cls(int(seq), bytes.fromhex(digest))
        if head.seq < 0 or len(head.hash) != len(BEGINNING):
            raise ValueError("not a head")
        return head


BEFORE_ALL = Head()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found. `broken` names the first row that is not right; None where all are."""

    head: Head
    broken: int | None = None
    reason: str = ""


def follow(head: Head, act: Act) -> Entry:
    """The entry of an act at the end of a chain."""
    seq = head.seq + 1
    return Entry(seq, act, head.hash, hash_of(head.hash, seq, act))


def hash_of(previous: bytes, seq: int, act: Act) -> bytes:
    """SHA-256 over the hash before and the content as JSON: sorted keys, no spaces, ASCII, times in UTC with microseconds."""
    content = json.dumps(_content(seq, act), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(previous + content.encode()).digest()


def walk(entries: Iterable[Entry], noted: Head | None = None, start: Head = BEFORE_ALL) -> Verdict:
    """Follow the chain from its beginning to its end.

    Args:
        entries: All rows behind `start`, by number.
        noted: A head that was seen before; it must lie on the chain.
        start: Up to where the chain was followed before; its beginning, unless something else is said.
    """
    head = start
    for entry in entries:
        if entry.seq != head.seq + 1:
            return Verdict(head, head.seq + 1, "it is missing")
        if entry.previous != head.hash:
            return Verdict(head, entry.seq, "it does not follow from the row before it")
        if entry.hash != hash_of(entry.previous, entry.seq, entry.act):
            return Verdict(head, entry.seq, "its content is not what was written")
        head = Head(entry.seq, entry.hash)
        if noted is not None and noted.seq == head.seq and noted != head:
            return Verdict(head, entry.seq, "it is not the row whose head was noted: the chain was written anew")
    if noted is not None and noted.seq > head.seq:
        return Verdict(head, head.seq + 1, f"the end of the log is missing, at least up to row {noted.seq}")
    return Verdict(head)


def _content(seq: int, act: Act) -> dict[str, object]:
    return {
        "seq": seq,
        "at": act.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": act.actor,
        "deed": act.deed.value,
        "subject": act.subject,
        "details": dict(act.details),
    }
