"""A gateway with one small model, for most tests of the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from service.config import Settings
from tests.api.serving import make_settings, register, serving, until_loaded


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
