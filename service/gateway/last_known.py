"""Last known: the keys, models and words as Postgres said them last, for a gateway that starts while it is away.

One file in the data folder, 0600. It holds no secret: of keys the digests, their roles and their ends. Its HMAC, under a key of its own derived
from that of the pseudonyms, covers the database that it speaks of too: nobody can write a key or a model into it, and another database's is
none. It counts only while Postgres does not answer, and only for so many hours after Postgres last said the same; so a key that is revoked
meanwhile opens a gateway that starts in an outage until Postgres is back, or for that long.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import make_url

from service.access import ApiKey, Role
from service.domain import ModelVersion
from service.store.durable import PRIVATE_FOLDER, sync_folder, try_hold, write_durably
from service.store.words import Source, Word

FILE: Final = "last-known"
LOCK: Final = "last-known.lock"
PURPOSE: Final = b"stepwedge: what Postgres said last, 1"
LOOK_EVERY_S: Final = 2.0
AGAIN_AFTER: Final = timedelta(minutes=1)
"""What has not changed is written again so often, so that its age is the age of the outage."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Known:
    """What Postgres said, all of it at `at` or later."""

    at: datetime
    keys: tuple[ApiKey, ...]
    versions: tuple[ModelVersion, ...]
    words: tuple[Word, ...]


class LastKnown:
    """Is told what Postgres says, and recalls it while Postgres says nothing. With 0 hours it remembers nothing."""

    def __init__(
        self,
        folder: Path,
        secret: bytes,
        database_url: str,
        *,
        hours: float,
        registry: CollectorRegistry,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is read or written before it is needed.

        Args:
            folder: The data folder.
            secret: Key of the pseudonyms.
            database_url: Of which database it speaks; its password does not count.
            hours: How long after Postgres said it.
            registry: Where its age is shown while it is in use.
            now: The clock.
        """
        self._folder = folder
        self._key = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(secret)
        self._about = make_url(database_url).set(password=None).render_as_string().encode()
        self._span = timedelta(hours=hours)
        self._now = now
        self._said: dict[str, tuple[datetime, Sequence[Any]]] = {}
        self._written: Known | None = None
        self._in_use: Known | None = None
        Gauge(
            "stepwedge_last_known_age_seconds",
            "Age of the keys and models that this gateway started with while Postgres was away; 0 when it has them from Postgres.",
            registry=registry,
        ).set_function(lambda: 0.0 if self._in_use is None else (self._now() - self._in_use.at).total_seconds())

    @property
    def in_use_since(self) -> datetime | None:
        """As of when what this gateway goes by is; None where it has it from Postgres."""
        return None if self._in_use is None else self._in_use.at

    def heard(
        self, *, keys: Sequence[ApiKey] | None = None, versions: Sequence[ModelVersion] | None = None, words: Sequence[Word] | None = None
    ) -> None:
        """Postgres has just said this."""
        self._in_use = None
        for name, said in (("keys", keys), ("versions", versions), ("words", words)):
            if said is not None:
                self._said[name] = (self._now(), said)

    def recall(self) -> Known | None:
        """What is remembered, while Postgres is away; None where that is nothing, too old, or not of our writing."""
        known = self._in_use or self._read()
        self._in_use = known if known is not None and timedelta(0) <= self._now() - known.at < self._span else None
        return self._in_use

    async def watch(self) -> None:
        """Write what changed, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await asyncio.to_thread(self.write)
            except OSError as error:
                log.warning("last_known_not_written", kind=type(error).__name__)

    def write(self) -> None:
        """Write what Postgres said, once it has said all of it, and where that is new; another process that writes now spares us."""
        if not self._span or len(self._said) < len(Known.__slots__) - 1:
            return
        at = min(at for at, _ in self._said.values())
        known = Known(at, **{name: tuple(said) for name, (_, said) in self._said.items()})
        if self._written is not None and known == Known(at, *self._contents(self._written)) and at - self._written.at < AGAIN_AFTER:
            return
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        lock = try_hold(self._folder / LOCK)
        if lock is None:
            return
        try:
            payload = json.dumps(asdict(known), default=_written).encode()
            write_durably(self._folder / FILE, [self._seal(payload).encode(), b"\n", payload])
            sync_folder(self._folder)
        finally:
            os.close(lock)
        self._written = known

    def _contents(self, known: Known) -> tuple[Any, ...]:
        return known.keys, known.versions, known.words

    def _seal(self, payload: bytes) -> str:
        return hmac.new(self._key, hashlib.sha256(self._about).digest() + payload, hashlib.sha256).hexdigest()

    def _read(self) -> Known | None:
        try:
            seal, _, payload = (self._folder / FILE).read_bytes().partition(b"\n")
        except OSError:
            return None
        if not hmac.compare_digest(seal, self._seal(payload).encode()):
            log.error("last_known_is_not_ours")
            return None
        return read_known(payload)


def read_known(payload: bytes) -> Known | None:
    """What was written; None where another release wrote it otherwise."""
    try:
        said = json.loads(payload)
        return Known(
            at=datetime.fromisoformat(said["at"]),
            keys=tuple(
                ApiKey(
                    **{
                        **key,
                        "roles": frozenset(map(Role, key["roles"])),
                        "digest": bytes.fromhex(key["digest"]),
                        **_moments(key, "created_at", "expires_at", "revoked_at"),
                    }
                )
                for key in said["keys"]
            ),
            versions=tuple(ModelVersion(**{**version, **_moments(version, "registered_at")}) for version in said["versions"]),
            words=tuple(Word(**{**word, "source": Source(word["source"]), **_moments(word, "at")}) for word in said["words"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _moments(said: dict[str, Any], *names: str) -> dict[str, datetime | None]:
    return {name: None if said[name] is None else datetime.fromisoformat(said[name]) for name in names}


def _written(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    return sorted(value)  # type: ignore[call-overload] # a set of roles; anything else is a mistake and says so
