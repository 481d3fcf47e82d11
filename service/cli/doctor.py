"""`stepwedge doctor`: what is well, what is not, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.cli import capture_checks, checks, store_checks
from service.cli.checks import Check, Health, Result
from service.cli.setup import database, read_settings
from service.cli.store_checks import StoreCheck
from service.config import Settings
from service.errors import StepwedgeError
from service.store.engine import open_engine

CHECKS: tuple[tuple[str, Check], ...] = (
    ("pseudonym key", checks.pseudonyms),
    ("disk", checks.disk),
    ("gateway", checks.gateway),
    ("capture ledger", checks.capture_ledger),
    ("spool", capture_checks.spool),
    ("licences", checks.licences),
)
STORE_CHECKS: tuple[tuple[str, StoreCheck], ...] = (
    ("postgres", store_checks.server),
    ("tables", store_checks.tables),
    ("stored ledger", store_checks.books),
    ("told and stored", capture_checks.captured),
    ("models", store_checks.models),
    ("watch", store_checks.watch),
    ("outbox", store_checks.outbox),
    ("audit log", store_checks.audit),
    ("retention", store_checks.retention),
)
WIDTH = 16


def doctor() -> None:
    """Check every dependency and say what to do. The exit code is 1 if something is wrong."""
    settings = read_settings()
    wrong = 0
    for name, result in examine(settings):
        wrong += result.health is Health.WRONG
        typer.echo(f"{result.health:<6}{name:<{WIDTH}}{result.detail}")
        if result.advice:
            typer.echo(f"{'':<{6 + WIDTH}}-> {result.advice}")
    typer.echo("Everything is well." if not wrong else f"{wrong} wrong; the arrows say what to do.")
    if wrong:
        sys.exit(1)


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
