"""API keys: who may call. Only digests are kept, so the store can tell a key but not give one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Row, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from service.access import ApiKey, Role
from service.errors import UnknownKeyError
from service.store.access_tables import api_keys


def add_key(connection: Connection, key: ApiKey) -> bool:
    """Store a key; false where it is stored already."""
    values = {
        "id": key.id,
        "name": key.name,
        "roles": sorted(key.roles),
        "digest": key.digest,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
    statement = insert(api_keys).values(**values).on_conflict_do_nothing().returning(api_keys.c.id)
    return connection.scalar(statement) is not None


def keys(connection: Connection) -> list[ApiKey]:
    """Every key that was ever issued, earliest first."""
    return [_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))]


def find_key(connection: Connection, identifier: str) -> ApiKey:
    """The key of this id.

    Raises:
        UnknownKeyError: There is none.
    """
    row = connection.execute(select(api_keys).where(api_keys.c.id == identifier)).one_or_none()
    if row is None:
        raise UnknownKeyError
    return _key(row)


def valid_keys(connection: Connection, at: datetime) -> list[ApiKey]:
    """The keys that open something now."""
    query = select(api_keys).where(api_keys.c.revoked_at.is_(None), or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > at))
    return [_key(row) for row in connection.execute(query)]


def revoke(connection: Connection, name_or_id: str, at: datetime) -> list[ApiKey]:
    """Revoke the key of this id, or all keys of this name.

    Raises:
        UnknownKeyError: None of them was still in force.
    """
    meant = or_(api_keys.c.id == name_or_id, api_keys.c.name == name_or_id)
    statement = update(api_keys).where(meant, api_keys.c.revoked_at.is_(None)).values(revoked_at=at).returning(api_keys)
    revoked = [_key(row) for row in connection.execute(statement)]
    if not revoked:
        raise UnknownKeyError
    return revoked


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    fields = row._asdict()
    return ApiKey(**{**fields, "roles": frozenset(Role(name) for name in fields["roles"])})
