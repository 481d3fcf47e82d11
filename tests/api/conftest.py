"""A gateway with one small model, for most tests of the API."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from sqlalchemy import Engine

from service.config import Settings
from service.store.engine import open_engine
from tests.api.serving import make_settings, register, serving, until_loaded
from tests.postgres import database


@pytest.fixture(scope="session", autouse=True)
def _quiet_logs() -> Iterator[None]:
    """A line for each request would bury what a failed test has to say."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> Settings:
    return make_settings(postgres_url, tmp_path)


@pytest.fixture
def client(settings: Settings, engine: Engine, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a gateway that serves `chest` 1."""
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        yield client


@pytest.fixture(scope="module")
def shared(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The same, one for a whole file of tests: for those that leave nothing behind that another would see."""
    folder = tmp_path_factory.mktemp("shared")
    with database(server_url, migrated_template) as url:
        settings = make_settings(url, folder)
        engine = open_engine(url)
        register(engine, settings, folder / "package")
        engine.dispose()
        with serving(settings) as client:
            until_loaded(client)
            yield client
