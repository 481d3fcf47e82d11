"""Data folders for the tests of the embedded server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store.embedded import embedded_postgres
from tests.postgres import reachable_folder


@pytest.fixture(scope="session")
def finished() -> Iterator[Path]:
    """A data folder on which a server has run: a copy of it spares initdb."""
    with reachable_folder() as folder:
        with embedded_postgres(folder):
            pass
        yield folder


@pytest.fixture
def data_dir(finished: Path) -> Iterator[Path]:
    with reachable_folder() as folder:
        subprocess.run(["cp", "-a", finished / "postgres", folder / "postgres"], check=True)
        yield folder


@pytest.fixture
def new_data_dir() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder
