"""`stepwedge keys`: who may call."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import Connection

from service.access import Act, ApiKey, Deed, Detail, Role
from service.cli.setup import actor, database, read_settings
from service.errors import SetupError, UnknownKeyError
from service.gateway.api_key import issued, new_key
from service.gateway.callers import ANONYMOUS
from service.store.api_keys import add_key, revoke
from service.store.api_keys import keys as stored_keys
from service.store.audit import append
from service.store.engine import connected

NAME = r"[a-z0-9][a-z0-9_-]{0,63}"

keys = typer.Typer(help="API keys: create, list, revoke. Only their hashes are kept.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="Name of the system that calls, never of a person: it is kept with every film.", show_default=False)
]
Roles = Annotated[list[Role], typer.Option("--role", help="What it may do; give it several times for several roles.", show_default=False)]
Expires = Annotated[
    datetime | None,
    typer.Option("--expires", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="End of its life, in UTC; default is none.", show_default=False),
]
NameOrId = Annotated[str, typer.Argument(help="Name of a caller (all its keys) or id of one key.", show_default=False)]


@keys.command()
def create(name: Name, role: Roles, expires: Expires = None) -> None:
    """Make a key and print it, this once. Two keys may have one name: create the new one, exchange it, revoke the old one by its id."""
    need_name(name)
    now = datetime.now(UTC)
    until = None if expires is None else expires.replace(tzinfo=UTC)
    if until is not None and until <= now:
        raise SetupError("--expires must lie ahead.")
    text = new_key()
    key = issued(text, name, role, now, until)
    with database(read_settings()) as url, connected(url) as connection:
        add_key(connection, key)
        append(connection, Act(now, actor(), Deed.KEY_CREATED, key.id, described(key)))
    typer.echo(text)
    typer.echo(f"Key {key.id} of {name}, for: {listed(key)}. It is shown this once; every gateway knows it within seconds.", err=True)
    typer.echo("Send it as the header  Authorization: Bearer KEY", err=True)


@keys.command("list")
def list_keys() -> None:
    """Every key that was ever issued: id, name, state, roles, and when."""
    with database(read_settings()) as url, connected(url) as connection:
        found = stored_keys(connection)
    now = datetime.now(UTC)
    for key in found:
        expiry = f", until {key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else ""
        typer.echo(f"{key.id}  {key.name:<24}{state(key, now):<10}{listed(key)}  since {key.created_at:%Y-%m-%d %H:%M}{expiry}")
    if not found:
        typer.echo("No key yet: stepwedge keys create NAME --role predict")


@keys.command("revoke")
def revoke_key(name_or_id: NameOrId) -> None:
    """Let a key open nothing any more. Every gateway that sees the database follows within seconds."""
    with database(read_settings()) as url, connected(url) as connection:
        revoked = revoked_keys(connection, name_or_id)
    for key in revoked:
        typer.echo(f"Key {key.id} of {key.name} is revoked.")


def revoked_keys(connection: Connection, name_or_id: str) -> list[ApiKey]:
    now = datetime.now(UTC)
    try:
        revoked = revoke(connection, name_or_id, now)
    except UnknownKeyError as error:
        raise SetupError(f"{error} `stepwedge keys list` shows them.") from None
    append(connection, *(Act(now, actor(), Deed.KEY_REVOKED, key.id, described(key)) for key in revoked))
    return revoked


def need_name(name: str) -> None:
    if not re.fullmatch(NAME, name, re.ASCII) or name == ANONYMOUS:
        raise SetupError(f"A caller's name is a short one of a-z, 0-9, '_' and '-', and not {ANONYMOUS}.")


def listed(key: ApiKey) -> str:
    return ", ".join(sorted(key.roles))


def described(key: ApiKey) -> dict[str, Detail]:
    """A key in the audit log."""
    return {"name": key.name, "roles": sorted(key.roles), "expires_at": None if key.expires_at is None else key.expires_at.isoformat()}


def state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.is_valid(now) else "expired"
