"""The hostile corpus, the broken files that pydicom ships and mutated real films, over HTTP: no 5xx, no crash, no hang, no growth."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from service.store.engine import open_engine
from tests.api.serving import DICOM, make_settings, process, register, until_loaded
from tests.films import make_film
from tests.gateway.corpus import shipped_files
from tests.gateway.hostile_corpus import CORPUS, REFUSED
from tests.gateway.test_decode_mutations import films, mutations, packed_films
from tests.postgres import database
from tests.processes import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")

ASK = "/v1/models/chest/predictions"
MIB = 1 << 20
PATIENCE_S = 10.0
BY_DESIGN = {429, 503}


@pytest.fixture(scope="module")
def gateway(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, httpx.Client]]:
    folder = tmp_path_factory.mktemp("hostile")
    with database(server_url, migrated_template) as url:
        settings = make_settings(url, folder)
        engine = open_engine(url)
        register(engine, settings, folder / "package")
        engine.dispose()
        with process(settings, folder / "log") as (pid, client):
            until_loaded(client)
            yield pid, client
        assert "unexpected_error" not in (folder / "log").read_text()


def send(client: httpx.Client, body: bytes) -> httpx.Response:
    began = time.monotonic()
    reply = client.post(ASK, content=body, headers=DICOM)
    assert time.monotonic() - began < PATIENCE_S
    assert reply.status_code < 500 or reply.status_code in BY_DESIGN, reply.text
    if reply.status_code != 200:
        assert reply.json()["type"].startswith("/problems/")
        assert reply.headers["content-type"] == "application/problem+json"
    return reply


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_film_gets_an_answer_or_a_problem(gateway: tuple[int, httpx.Client], name: str) -> None:
    reply = send(gateway[1], CORPUS[name]())
    assert name not in REFUSED or 400 <= reply.status_code < 500


def test_every_shipped_file_gets_an_answer_or_a_problem(gateway: tuple[int, httpx.Client]) -> None:
    statuses = [send(gateway[1], path.read_bytes()).status_code for path in shipped_files()]
    assert {200, 400, 422} <= set(statuses)


@examples(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.deferred(lambda: mutations((*films(), *packed_films()))))
def test_a_mutated_film_gets_an_answer_or_a_problem(gateway: tuple[int, httpx.Client], body: bytes) -> None:
    send(gateway[1], body)


def test_after_all_of_it_the_gateway_answers_and_repeating_it_costs_no_memory(gateway: tuple[int, httpx.Client]) -> None:
    pid, client = gateway
    bodies = [make() for make in CORPUS.values()]
    held = []
    for _ in range(3):
        for body in bodies:
            send(client, body)
        held.append(memory(pid))
    assert held[-1] - held[0] < 24 * MIB
    assert send(client, make_film()).status_code == 200
