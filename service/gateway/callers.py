"""Callers: who asks, told from a copy of the valid keys in memory, so that no request waits for Postgres."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.access import ApiKey, Caller, Role
from service.errors import UnauthenticatedError, UnavailableError
from service.gateway.api_key import digest_of
from service.gateway.database import Database
from service.gateway.issuer import Issuer
from service.gateway.last_known import LastKnown
from service.store.api_keys import valid_keys

ANONYMOUS = "anonymous"
POLL_S = 1.0
"""A key that is issued or revoked is known everywhere within this time."""
STARTING = "This gateway has not read the list of keys yet; try again shortly."

Keys = Mapping[bytes, tuple[ApiKey | None, Caller]]
"""By their digests, and who is let in by them."""
NO_KEY = (None, Caller(ANONYMOUS, frozenset()))

log = structlog.get_logger()


class Callers:
    """The keys as they were a second ago. While Postgres is away the last copy goes on: a key that was good stays good.

    A process that starts meanwhile goes by those that were known last, see LastKnown.
    """

    def __init__(self, database: Database, anonymous: frozenset[Role], last_known: LastKnown, issuer: Issuer | None = None) -> None:
        """No key is known before the first `refresh`.

        Args:
            database: Where the keys are asked for.
            anonymous: What callers without a key may do.
            last_known: Is asked in its place while it is away.
            issuer: Whose tokens are accepted besides keys.
        """
        self._database = database
        self._anonymous = Caller(ANONYMOUS, anonymous)
        self._issuer = issuer
        self._last_known = last_known
        self._keys: Keys | None = None
        self._recalled = True

    @property
    def issuer(self) -> Issuer | None:
        """Whose tokens are accepted besides keys."""
        return self._issuer

    def identify(self, token: str | None, now: datetime) -> Caller:
        """Who brings this token; without one, the anonymous caller.

        Raises:
            UnauthenticatedError: The token is none of ours, or not valid any more.
            UnavailableError: The keys are not known yet: refusing for good what may be right would lose a film.
        """
        if token is None:
            return self._anonymous
        digest = sha256(token.encode()).digest()
        key, caller = NO_KEY if self._keys is None else self._keys.get(digest, NO_KEY)
        # What a lookup's time could tell is a part of a digest that the caller made himself; compared in constant time all the same.
        if key is not None and hmac.compare_digest(key.digest, digest) and key.is_valid(now):
            return caller
        if digest_of(token) is not None:
            raise UnavailableError(STARTING) if self._keys is None else UnauthenticatedError
        if self._issuer is None:
            raise UnauthenticatedError
        return self._issuer.identify(token)

    def holder(self, digest: bytes, now: datetime) -> Caller | None:
        """Who has the key of this digest; None where it opens nothing any more.

        Raises:
            UnavailableError: The keys are not known yet.
        """
        if self._keys is None:
            raise UnavailableError(STARTING)
        key, caller = self._keys.get(digest, NO_KEY)
        return caller if key is not None and key.is_valid(now) else None

    async def watch(self) -> None:
        """Keep the copy fresh until cancelled."""
        while True:
            with suppress(UnavailableError):
                await self.refresh()
            await asyncio.sleep(POLL_S)

    async def refresh(self) -> None:
        """Read the valid keys."""
        try:
            keys = await self._database.run(valid_now)
        except SQLAlchemyError as error:
            log.warning("keys_not_read", kind=type(error).__name__)
        except UnavailableError:
            if self._recalled:
                known = await asyncio.to_thread(self._last_known.recall)
                self._keys = None if known is None else by_digest(known.keys)
            raise
        else:
            self._keys, self._recalled = by_digest(keys), False
            self._last_known.heard(keys=keys)


def valid_now(connection: Connection) -> list[ApiKey]:
    return valid_keys(connection, datetime.now(UTC))


def by_digest(keys: Sequence[ApiKey]) -> Keys:
    return {key.digest: (key, Caller(key.name, key.roles)) for key in keys}
