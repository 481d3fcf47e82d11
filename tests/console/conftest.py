"""A gateway whose pages are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from service.config import Settings
from service.store.engine import open_engine
from tests.api.serving import make_settings, register, serving, until_loaded
from tests.postgres import database


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> Settings:
    return make_settings(postgres_url, tmp_path)


@pytest.fixture
def client(settings: Settings, engine: Engine, tmp_path: Path) -> Iterator[httpx.Client]:
    """A guest of a gateway that serves `chest` 1 and lets everybody look."""
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        yield client


@pytest.fixture(scope="module")
def shared(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The same, one for a whole file of tests: for those that leave nothing behind that another would see."""
    folder = tmp_path_factory.mktemp("console")
    with database(server_url, migrated_template) as url:
        settings = make_settings(url, folder)
        engine = open_engine(url)
        register(engine, settings, folder / "package")
        engine.dispose()
        with serving(settings) as client:
            until_loaded(client)
            yield client
