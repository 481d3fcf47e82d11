"""Fixtures that every part uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.store.engine import open_engine
from tests import postgres


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A Postgres server of this test process."""
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(server_url: str) -> Iterator[str]:
    """The name of the migrated database that each test's own is copied from."""
    with postgres.migrated_template(server_url) as name:
        yield name


@pytest.fixture
def empty_postgres_url(server_url: str) -> Iterator[str]:
    """A fresh database without any table."""
    with postgres.database(server_url) as url:
        yield url


@pytest.fixture
def postgres_url(server_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database."""
    with postgres.database(server_url, migrated_template) as url:
        yield url


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """An engine on a fresh migrated database."""
    engine = open_engine(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder in which an embedded server can run, as root too (tmp_path is closed to other accounts)."""
    with postgres.reachable_folder() as folder:
        yield folder
