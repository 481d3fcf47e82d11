"""The doctor knows whether an answer was lost, across restarts and kills, and is not fooled by either."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from service.config import Settings
from service.diagnosis.capture import captured, spool
from service.diagnosis.result import Health, Result
from service.store.drained import drain
from service.store.ledgers import Counts, Page, save_page
from service.store.partitions import drop_partitions
from service.store.predictions import record_batch
from tests.api.serving import make_settings
from tests.gateway.spools import spooled
from tests.store.builders import AT, make_prediction

NONE = Counts(0, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> Settings:
    return make_settings(postgres_url, tmp_path)


def check(settings: Settings, engine: Engine) -> Result:
    with engine.connect() as connection:
        return captured(settings, connection)


def say(engine: Engine, process: UUID, counts: Counts, *, ago: timedelta = timedelta(0)) -> None:
    now = datetime.now(UTC) - ago
    with engine.begin() as connection:
        save_page(connection, Page(process, now, now, None, counts))


def store(engine: Engine, process: UUID, films: int, at: datetime = AT) -> None:
    with engine.begin() as connection:
        record_batch(connection, [make_prediction(f"{at} {film}", at=at) for film in range(films)], process)


def test_told_and_stored_agree(settings: Settings, engine: Engine) -> None:
    process = uuid4()
    store(engine, process, 5)
    say(engine, process, replace(NONE, received=7, recorded=5, refused=1, in_progress=1))
    assert check(settings, engine).health is Health.OK


def test_a_killed_gateway_that_lacks_its_last_words_is_no_imbalance(settings: Settings, engine: Engine) -> None:
    process = uuid4()
    store(engine, process, 5)
    say(engine, process, replace(NONE, received=3, recorded=3), ago=timedelta(hours=1))
    assert check(settings, engine).health is Health.OK


def test_an_answer_that_was_told_and_never_stored_is_wrong(settings: Settings, engine: Engine) -> None:
    process = uuid4()
    store(engine, process, 5)
    store(engine, uuid4(), 3, AT + timedelta(hours=1))
    say(engine, process, replace(NONE, received=6, recorded=6))
    assert check(settings, engine).health is Health.WRONG


def test_a_row_that_vanished_is_wrong(settings: Settings, engine: Engine) -> None:
    store(engine, uuid4(), 5)
    with engine.begin() as connection:
        connection.execute(text("delete from predictions where id = (select min(id::text)::uuid from predictions)"))
    assert "1 of 2026-03" in check(settings, engine).detail


def test_a_month_that_was_dropped_is_no_loss(settings: Settings, engine: Engine) -> None:
    process = uuid4()
    store(engine, process, 5)
    say(engine, process, replace(NONE, received=5, recorded=5))
    drop_partitions(engine, AT + timedelta(days=40))
    assert check(settings, engine).health is Health.OK


def test_answers_in_the_spool_of_a_dead_gateway_are_wrong_until_somebody_drains_them(settings: Settings, engine: Engine) -> None:
    process = uuid4()
    say(engine, process, replace(NONE, received=2, spooled=2))
    assert check(settings, engine).health is Health.OK, "it lives and will drain them"
    say(engine, process, replace(NONE, received=2, spooled=2), ago=timedelta(hours=1))
    assert check(settings, engine).health is Health.WRONG
    with engine.begin() as connection:
        drain(connection, process, 1, [(10, make_prediction("a")), (20, make_prediction("b"))])
    assert check(settings, engine).health is Health.OK


def test_what_lies_on_this_machine_is_told(settings: Settings, tmp_path: Path) -> None:
    assert spool(settings).health is Health.OK
    spooled(tmp_path / "spool", make_prediction("a"), make_prediction("b"))
    assert (spool(settings).health, "2 records" in spool(settings).detail) == (Health.NOTE, True)
    (tmp_path / "spool" / "aside").mkdir()
    (tmp_path / "spool" / "aside" / "1.seg").write_bytes(b"")
    assert spool(settings).health is Health.WRONG
