"""Who calls in tests: a key with every role, the same everywhere, issued to whichever database a gateway works on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from service.access import Role
from service.gateway.api_key import issued, new_key
from service.store.api_keys import add_key
from service.store.engine import connected

TEST_KEY = new_key()
AUTHORIZED = {"Authorization": f"Bearer {TEST_KEY}"}


def issue_test_key(url: str) -> None:
    """Let the key open the gateways of this database; one that is away or without tables knows no key."""
    with suppress(SQLAlchemyError):
        issue(url, "tests", Role, TEST_KEY)


def issue(url: str, name: str, roles: Iterable[Role], text: str | None = None, expires_at: datetime | None = None) -> dict[str, str]:
    """The header of a key of this caller."""
    text = text or new_key()
    with connected(url) as connection:
        add_key(connection, issued(text, name, roles, datetime.now(UTC), expires_at))
    return {"Authorization": f"Bearer {text}"}
