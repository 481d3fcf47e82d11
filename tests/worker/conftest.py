"""A hospital whose model was accepted and then ran quietly, ready to be copied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
import structlog
from sqlalchemy import Engine, make_url

from service.domain import ModelVersion
from service.store.engine import open_engine
from service.store.models import champion
from service.worker.reference import build_reference
from service.worker.run import PassReport, run_pass
from tests import postgres
from tests.worker import hospital

WALL = datetime.fromisoformat("2027-01-01T00:00Z")
"""What the clock on the wall says; no statistic may depend on it."""


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Tracebacks without the values of variables: drawing those of a pass takes seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture(scope="session")
def quiet_template(server_url: str, migrated_template: str) -> Iterator[str]:
    """A database with a reference and some quiet days after it, not yet tallied."""
    with postgres.database(server_url, migrated_template) as url:
        engine = open_engine(url)
        version = hospital.make_version(engine)
        hospital.send_days(engine, version, 0, hospital.REFERENCE_DAYS)
        build_reference(engine, version, hospital.FIRST, hospital.REFERENCE_END, at=hospital.REFERENCE_END)
        hospital.send_days(engine, version, hospital.REFERENCE_DAYS, hospital.QUIET_DAYS)
        engine.dispose()
        yield make_url(url).database or ""


@pytest.fixture(scope="session")
def settled_template(server_url: str, quiet_template: str) -> Iterator[str]:
    """The same with a pass at the end of the quiet days."""
    with postgres.database(server_url, quiet_template) as url:
        engine = open_engine(url)
        run(engine, hospital.QUIET_END)
        engine.dispose()
        yield make_url(url).database or ""


@pytest.fixture
def copies(server_url: str) -> Iterator[Callable[[str], Engine]]:
    """Copies of a template, as many as are asked for."""
    with ExitStack() as stack:

        def copy(template: str) -> Engine:
            engine = open_engine(stack.enter_context(postgres.database(server_url, template)))
            stack.callback(engine.dispose)
            return engine

        yield copy


@pytest.fixture
def quiet(copies: Callable[[str], Engine], quiet_template: str) -> Engine:
    """The quiet hospital before the first pass."""
    return copies(quiet_template)


@pytest.fixture
def settled(copies: Callable[[str], Engine], settled_template: str) -> Engine:
    """The quiet hospital after a pass at QUIET_END."""
    return copies(settled_template)


@pytest.fixture
def another(copies: Callable[[str], Engine], settled_template: str) -> Callable[[], Engine]:
    """Further copies of the settled hospital."""
    return lambda: copies(settled_template)


@pytest.fixture
def version(settled: Engine) -> ModelVersion:
    """The model in service; the same in every copy."""
    with settled.connect() as connection:
        return champion(connection, "chest")


def run(engine: Engine, until: datetime, **changes) -> PassReport:
    """One pass up to an hour, in which nothing may go wrong."""
    report = run_pass(engine, until, now=lambda: WALL, **changes)
    assert report.failed == ()
    return report


def run_every(engine: Engine, step: timedelta, first: datetime, last: datetime) -> list[PassReport]:
    """Passes in steps from `first` on, and one at `last`."""
    reports, until = [], first
    while until < last:
        reports.append(run(engine, until))
        until += step
    return [*reports, run(engine, last)]
