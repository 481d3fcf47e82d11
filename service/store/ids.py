"""UUIDv7: ids that carry the instant they were made at, to the microsecond, and sort by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MILLISECOND = timedelta(milliseconds=1)
MILLISECONDS_OF_AN_HOUR = 3_600_000
SUB_MILLISECOND_STEPS = 4096  # the 12 bits after the version hold the fraction of the millisecond (RFC 9562, method 3)
VERSION = 7 << 76
VARIANT = 0b10 << 62

# Unique is enough: an id is no secret. Seeded by the system once, since asking it for each id would hand the interpreter to another thread.
_dice = Random()  # noqa: S311 - not for cryptography


def uuid7(at: datetime) -> UUID:
    """A new id of this instant: 62 random bits below its time.

    >>> at = datetime(2026, 3, 2, 9, 10, 0, 123456, tzinfo=UTC)
    >>> time_of(uuid7(at)) == at
    True
    """
    return UUID(int=_floor(at) | _dice.getrandbits(62))


def uuid7_floor(at: datetime) -> UUID:
    """The smallest id of this instant: ids of earlier instants sort below it, its own and later ones do not.

    >>> uuid7_floor(datetime(2026, 3, 2, tzinfo=UTC))
    UUID('019cabd8-3800-7000-8000-000000000000')
    """
    return UUID(int=_floor(at))


def floor_before(identifier: UUID, span: timedelta) -> UUID:
    """The smallest id of the instant that lies a span of whole milliseconds before that of this id.

    >>> at = datetime(2026, 3, 2, 9, 10, 0, 123456, tzinfo=UTC)
    >>> floor_before(uuid7(at), timedelta(hours=24)) == uuid7_floor(at - timedelta(hours=24))
    True
    """
    return UUID(int=(identifier.int >> 62 << 62) - (span // MILLISECOND << 80))


def carries(identifier: UUID, at: datetime) -> bool:
    """Whether this is a UUIDv7 of this instant."""
    return identifier.int >> 62 == _floor(at) >> 62 or time_of(identifier) == at


def hour_number(identifier: UUID) -> int:
    """Hours since 1970 of the instant that a UUIDv7 was made at."""
    return (identifier.int >> 80) // MILLISECONDS_OF_AN_HOUR


def _floor(at: datetime) -> int:
    milliseconds, fraction = divmod((at - EPOCH) // MICROSECOND, 1000)
    steps = fraction * SUB_MILLISECOND_STEPS // 1000
    return milliseconds << 80 | VERSION | steps << 64 | VARIANT


def time_of(identifier: UUID) -> datetime:
    """The instant that an id was made at.

    Raises:
        ValueError: The id is not a UUIDv7.
    """
    if identifier.version != 7:  # noqa: PLR2004 - the number is the name of the format
        raise ValueError("the id is not a UUIDv7")
    steps = identifier.int >> 64 & (SUB_MILLISECOND_STEPS - 1)
    fraction = -(-steps * 1000 // SUB_MILLISECOND_STEPS)
    return EPOCH + timedelta(milliseconds=identifier.int >> 80, microseconds=fraction)


def derived_id(root: UUID, purpose: str) -> UUID:
    """Derive an id from another one; it keeps its time, and is the same in every process and after every crash."""
    drawn = int.from_bytes(sha256(root.bytes + purpose.encode()).digest()[:8]) >> 2
    return UUID(int=root.int >> 62 << 62 | drawn)
