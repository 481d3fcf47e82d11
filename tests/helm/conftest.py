from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.helm.chart import NAMES, Helm, Release, values


@pytest.fixture(scope="session")
def helm() -> Iterator[Helm]:
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        yield Helm(process)


@pytest.fixture(scope="session", params=NAMES)
def release(request: pytest.FixtureRequest, helm: Helm) -> Release:
    """One release for each values file."""
    return helm.render(values(request.param))
