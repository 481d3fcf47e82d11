"""Where many wait, an urgent film is answered before those that came earlier, and whoever finds no place is told when to come again."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import pytest
from sqlalchemy import Engine

from service.config import Settings
from tests.api.serving import DICOM, register, serving, until_loaded
from tests.api.test_metrics import balanced
from tests.films import make_film, phantom

SEATS, CALLERS = 16, 24
STAT = {"Stepwedge-Priority": "stat"}
SIDE = 700
"""A film that takes long enough for a queue to stand, and is small enough for many to be read."""
IN_HEADER: tuple[dict[str, str], dict[str, str]] = (STAT, {})
IN_FILM: tuple[dict[str, str], dict[str, str]] = ({}, {"RequestedProcedurePriority": "STAT"})


@dataclass(frozen=True)
class Said:
    """One reply: its status, when it came, how long it took, and when it says to come again."""

    status: int
    at: float
    seconds: float
    retry_after: str | None


def ask(client: httpx.Client, body: bytes, headers: Mapping[str, str]) -> Said:
    began = time.monotonic()
    reply = client.post("/v1/models/chest/predictions", content=body, headers={**DICOM, **headers})
    return Said(reply.status_code, time.monotonic(), time.monotonic() - began, reply.headers.get("retry-after"))


def test_a_saturated_gateway_answers_urgent_films_first_and_says_truthfully_when_to_come_again(
    settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    narrow = settings.model_copy(update={"max_waiting": SEATS})
    register(engine, narrow, tmp_path / "package")
    routine = [make_film(phantom(SIDE, SIDE), SOPInstanceUID=f"1.2.{number}", StudyInstanceUID=f"1.3.{number}") for number in range(4)]
    stop = threading.Event()

    def load(number: int) -> list[Said]:
        said = []
        while not stop.is_set():
            said.append(ask(client, routine[number % len(routine)], {}))
            if said[-1].status == 429:
                stop.wait(0.05)
        return said

    with serving(narrow) as client, ThreadPoolExecutor(CALLERS) as pool:
        until_loaded(client)
        callers = [pool.submit(load, number) for number in range(CALLERS)]
        try:
            time.sleep(0.7)
            urgent = []
            for number, (headers, attributes) in enumerate((IN_HEADER, IN_FILM) * 2):
                named = {"SOPInstanceUID": f"1.4.{number}", "StudyInstanceUID": f"1.5.{number}"}
                film = make_film(phantom(SIDE, SIDE), **named, **attributes)
                while (said := ask(client, film, headers)).status == 429:
                    assert not headers  # a place is kept for those who say in a header that they are urgent
                urgent.append(said)
        finally:
            stop.set()
        replies = [said for caller in callers for said in caller.result()]
        answered = sorted(said.seconds for said in replies if said.status == 200)
        turned_away = [said for said in replies if said.status == 429]
        assert [said.status for said in urgent] == [200] * 4
        assert {said.status for said in replies} == {200, 429}
        assert median(said.seconds for said in urgent) < median(answered)
        # What is told to those who come too early is about what those take who are let in.
        assert {int(said.retry_after or 0) for said in turned_away} <= set(range(1, int(2 * answered[-1]) + 2))
        balanced(client)


@pytest.mark.parametrize("stated", ["urgent", ""])
def test_a_priority_that_is_none_is_refused_and_not_guessed(stated: str, settings: Settings, engine: Engine, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        assert ask(client, make_film(), {"Stepwedge-Priority": stated}).status == 400
