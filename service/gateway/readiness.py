"""Readiness: each dependency by name, bounded in time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.domain import ModelVersion
from service.errors import UnavailableError
from service.gateway.capture import Capture
from service.gateway.database import Database
from service.gateway.fleet import Fleet
from service.gateway.last_known import LastKnown
from service.store.models import champions

PATIENCE_S = 1.5


@dataclass(frozen=True, slots=True)
class Check:
    """How one dependency is."""

    ok: bool
    detail: str


async def readiness(database: Database, fleet: Fleet, capture: Capture, last_known: LastKnown) -> dict[str, Check]:
    """Ask Postgres for the models in service, and see whether this process has loaded one of them, and has room in its spool."""
    spool = spool_check(capture)
    since = last_known.in_use_since
    silent = Check(
        ok=False, detail="does not answer" if since is None else f"does not answer; keys and models are those of {since:%Y-%m-%d %H:%M} UTC"
    )
    if capture.circuit.open:
        return {"postgres": silent, "spool": spool, "models": models_check(fleet, None)}

    def ask(connection: Connection) -> list[ModelVersion]:
        return list(champions(connection))

    try:
        registered = await database.run(ask, patience=PATIENCE_S)
    except UnavailableError:
        return {"postgres": silent, "spool": spool, "models": models_check(fleet, None)}
    except SQLAlchemyError:
        detail = "answers, but not with the tables of this version: stepwedge migrate"
        return {"postgres": Check(ok=False, detail=detail), "spool": spool, "models": models_check(fleet, None)}
    return {"postgres": Check(ok=True, detail="answers"), "spool": spool, "models": models_check(fleet, registered)}


def can_answer(checks: dict[str, Check]) -> bool:
    """Whether a film would get an answer: by a model, and kept somewhere."""
    return checks["models"].ok and (checks["postgres"].ok or checks["spool"].ok)


def spool_check(capture: Capture) -> Check:
    """Whether answers can be kept here while Postgres is away."""
    held = capture.spool.records_held
    if not capture.spool.has_room:
        return Check(ok=False, detail="full, or its disk fails")
    return Check(ok=True, detail=f"{held} records wait for Postgres" if held else "empty")


def models_check(fleet: Fleet, registered: list[ModelVersion] | None) -> Check:
    """One model that is loaded is enough: a new one, or a broken one, must not take the others out of service."""
    serving = {each.version.id for each in fleet.serving.values()}
    names = ", ".join(sorted(f"{each.version.model} {each.version.version}" for each in fleet.serving.values()))
    if registered is None:
        return Check(ok=bool(serving), detail=f"loaded: {names or 'none'}")
    missing = ", ".join(f"{version.model} {version.version}" for version in registered if version.id not in serving)
    if missing:
        return Check(ok=bool(serving), detail=f"loaded: {names or 'none'}; not yet: {missing}")
    if fleet.accepts is None:
        return Check(ok=False, detail="not read yet")
    return Check(ok=True, detail=f"loaded: {names}" if names else "none registered yet: stepwedge register FOLDER")
