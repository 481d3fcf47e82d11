"""What the doctor asks Postgres about itself: its version, its settings, what we may do there, and whose clock is right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from service.config import Settings
from service.diagnosis.result import Health, Result
from service.store.migrate import is_current
from service.store.server import later_than, missing_rights, revision_of, server_of

OLDEST = 140_000
"""Postgres 14, as Postgres counts its versions."""
CROWDED = 0.8
CLOCKS_APART = timedelta(seconds=2)
AHEAD = timedelta(minutes=5)


def server(_settings: Settings, connection: Connection) -> Result:
    """Its version, and the settings without which an answer that was told could be lost."""
    found = server_of(connection)
    version = f"Postgres {found.version}"
    if found.number < OLDEST:
        return Result(Health.WRONG, f"{version} is too old", "Postgres 14 or newer is needed.")
    if not found.writable:
        return Result(Health.WRONG, f"{version} takes no writes: a standby, or read-only", "DATABASE_URL must name the primary.")
    if found.loose:
        advice = f"alter system set {found.loose[0]} = 'on', then reload: a reply promises that its record is on the disk."
        return Result(Health.WRONG, f"{version} may lose what it committed: {', '.join(found.loose)} off", advice)
    detail = f"{version} answers, {found.connections} of {found.most_connections} connections in use"
    if found.connections > CROWDED * found.most_connections:
        return Result(Health.WRONG, detail, "Raise max_connections, put a pool of sessions in front, or run fewer gateways and workers.")
    return Result(Health.OK, detail)


def clocks(settings: Settings, connection: Connection) -> Result:
    """Whether Postgres and this machine agree, and nothing is stored that has not happened yet."""
    apart = abs(server_of(connection).now - datetime.now(UTC))
    if apart > CLOCKS_APART:
        return Result(
            Health.WRONG, f"its clock and ours are {apart.total_seconds():.0f} s apart", "Synchronise the clocks of both machines (NTP)."
        )
    if (ahead := ", ".join(later_than(connection, datetime.now(UTC) + AHEAD))) and not settings.replay_clock:
        advice = "Synchronise the clock of the machine that wrote them; each film is counted when its hour has come."
        return Result(Health.WRONG, f"stored with a time that has not come: {ahead}", advice)
    return Result(Health.OK, "Postgres and this machine agree" + (f"; a clock is played: {ahead} lie ahead" if ahead else ""))


def tables(_settings: Settings, connection: Connection) -> Result:
    """Whether the migrations that this version needs are there, no others, and whether we may do there what we do."""
    revision = revision_of(connection)
    if not is_current(connection.engine):
        where = f"they are at {revision}" if revision else "there are none"
        return Result(Health.WRONG, f"not the tables that this version works with: {where}", "stepwedge migrate")
    if lacking := missing_rights(connection):
        advice = "Grant this role select, insert, update and delete on every table, and what owns the tables with partitions."
        return Result(Health.WRONG, f"not permitted: {', '.join(lacking)}", advice)
    return Result(Health.OK, f"the tables that this version works with ({revision})")
