"""`stepwedge doctor`: what is well, what is not, and what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.cli import checks
from service.cli.setup import database, read_settings
from service.config import Settings
from service.diagnosis import capture, inbox, machine, reach, server, store, watch
from service.diagnosis.result import Check, Health, Result, StoreCheck
from service.errors import StepwedgeError
from service.store.engine import open_engine

CHECKS: tuple[tuple[str, Check], ...] = (
    ("pseudonym key", checks.pseudonyms),
    ("certificates", machine.certificates),
    ("disk", machine.disk),
    ("object folder", reach.objects),
    ("gateway", checks.gateway),
    ("capture ledger", checks.capture_ledger),
    ("spool", capture.spool),
    ("inbox", inbox.inbox),
    ("PACS", reach.PACS),
    ("remedy webhook", reach.REMEDIES),
    ("result webhook", reach.RESULTS),
    ("token issuer", reach.ISSUER),
    ("licences", machine.licences),
)
STORE_CHECKS: tuple[tuple[str, StoreCheck], ...] = (
    ("postgres", server.server),
    ("tables", server.tables),
    ("clocks", server.clocks),
    ("stored ledger", store.books),
    ("told and stored", capture.captured),
    ("models", store.models),
    ("watch", watch.watch),
    ("references", watch.references),
    ("outbox", store.outbox),
    ("audit log", store.audit),
    ("retention", store.retention),
)
WIDTH = 16


AS_JSON = Annotated[bool, typer.Option("--json", help="One JSON object, for a program.")]


def doctor(*, as_json: AS_JSON = False) -> None:
    """Check every dependency and say what to do. The exit code is 1 if something is wrong; notes are no fault."""
    results = list(examine(read_settings())) if as_json else tell(examine(read_settings()))
    wrong = sum(result.health is Health.WRONG for _, result in results)
    if as_json:
        typer.echo(json.dumps({"ok": not wrong, "checks": [{"check": name, **asdict(result)} for name, result in results]}, indent=1))
    else:
        typer.echo("Everything is well." if not wrong else f"{wrong} wrong; the arrows say what to do.")
    if wrong:
        sys.exit(1)


def tell(results: Iterable[tuple[str, Result]]) -> list[tuple[str, Result]]:
    """Say each result as soon as it is there."""
    told = []
    for name, result in results:
        typer.echo(f"{result.health:<6}{name:<{WIDTH}}{result.detail}")
        if result.advice:
            typer.echo(f"{'':<{6 + WIDTH}}-> {result.advice}")
        told.append((name, result))
    return told


def examine(settings: Settings) -> Iterator[tuple[str, Result]]:
    """Every check's result. A check that itself fails is a result too."""
    for name, check in CHECKS:
        yield name, check(settings)
    if settings.database_url is None and not (settings.data_dir / "postgres").exists():
        yield "postgres", Result(Health.NOTE, f"nothing is below {settings.data_dir} yet", "stepwedge up, or set DATABASE_URL")
        return
    try:
        with database(settings) as url:
            engine = open_engine(url)
            yield from ask(settings, engine)
            engine.dispose()
    except StepwedgeError as error:
        yield "postgres", Result(Health.WRONG, "the embedded server does not start", str(error))


def ask(settings: Settings, engine: Engine) -> Iterator[tuple[str, Result]]:
    """What Postgres says; without the right tables the rest cannot be asked."""
    for name, check in STORE_CHECKS:
        try:
            with engine.connect() as connection:
                result = check(settings, connection)
        except SQLAlchemyError as error:
            yield name, Result(Health.WRONG, f"cannot be asked ({type(error).__name__})", "Is DATABASE_URL right, and Postgres running?")
            return
        yield name, result
        if name == "tables" and result.health is Health.WRONG:
            return
