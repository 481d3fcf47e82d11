"""Durable before the reply, once each, and never hanging."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import pytest
from sqlalchemy import Engine, text

from service.domain import Recorded
from service.errors import ConflictError, UnavailableError
from service.gateway.record import Recorder
from service.store.engine import open_engine
from tests.proxy import proxied
from tests.store.builders import make_prediction

T = TypeVar("T")


def with_recorder(engine: Engine, story: Callable[[Recorder], Awaitable[T]], patience: float = 5.0) -> T:
    async def run() -> T:
        recorder = Recorder(engine, patience=patience)
        try:
            return await story(recorder)
        finally:
            await recorder.close()

    return asyncio.run(run())


def rows(engine: Engine, table: str = "predictions") -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())


def backends(engine: Engine) -> list[int]:
    query = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    with engine.connect() as connection:
        return list(connection.scalars(text(query)))


def test_what_was_answered_is_stored(engine: Engine) -> None:
    prediction = make_prediction()
    recorded = with_recorder(engine, lambda recorder: recorder.record(prediction))
    assert (recorded.prediction.id, recorded.replayed) == (prediction.id, False)
    assert rows(engine) == 1


def test_concurrent_twins_give_one_row_and_the_same_answer(engine: Engine) -> None:
    async def story(recorder: Recorder) -> list[Recorded]:
        return await asyncio.gather(*(recorder.record(make_prediction("twin")) for _ in range(40)))

    answers = with_recorder(engine, story)
    assert len({answer.prediction.id for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + 39 * [True]
    assert rows(engine) == 1


def test_other_content_under_the_same_key_is_a_conflict_and_its_neighbours_are_stored(engine: Engine) -> None:
    async def story(recorder: Recorder) -> list[Recorded | BaseException]:
        films = [make_prediction("one"), make_prediction("one", pixels="others"), make_prediction("two")]
        return await asyncio.gather(*(recorder.record(film) for film in films), return_exceptions=True)

    answers = with_recorder(engine, story)
    assert [type(answer) for answer in answers] == [Recorded, ConflictError, Recorded]
    assert rows(engine) == 2


def test_those_who_wait_together_share_a_commit(engine: Engine) -> None:
    """Far fewer transactions than predictions: the first is alone, the others gather while it commits."""

    async def story(recorder: Recorder) -> int:
        await asyncio.gather(*(recorder.record(make_prediction(f"film {number}")) for number in range(200)))
        with engine.connect() as connection:
            return int(connection.execute(text("select count(distinct xmin::text) from predictions")).scalar_one())

    assert with_recorder(engine, story) < 50
    assert rows(engine) == 200


def test_a_row_that_cannot_be_stored_fails_alone(engine: Engine) -> None:
    async def story(recorder: Recorder) -> list[Recorded | BaseException]:
        films = [make_prediction("good"), replace(make_prediction("bad"), site="nul \0 byte"), make_prediction("good too")]
        return await asyncio.gather(*(recorder.record(film) for film in films), return_exceptions=True)

    answers = with_recorder(engine, story)
    assert [isinstance(answer, Recorded) for answer in answers] == [True, False, True]
    assert not isinstance(answers[1], UnavailableError), "it will not help to try again"
    assert rows(engine) == 2


def test_a_postgres_that_stopped_is_a_quick_no_and_one_that_is_back_a_yes(postgres_url: str, engine: Engine) -> None:
    with proxied(postgres_url) as (proxy, url):
        through = open_engine(url)

        async def story(recorder: Recorder) -> Recorded:
            await recorder.record(make_prediction("before"))
            proxy.stop()
            for number in range(5):
                with pytest.raises(UnavailableError):
                    await recorder.record(make_prediction(f"meanwhile {number}"))
            proxy.restore()
            for _ in range(100):
                with suppress(UnavailableError):
                    return await recorder.record(make_prediction("after"))
                await asyncio.sleep(0.05)
            return await recorder.record(make_prediction("after"))

        assert not with_recorder(through, story).replayed
        through.dispose()
    assert rows(engine) == 2


def test_a_frozen_backend_is_a_no_within_our_patience_and_then_left_behind(engine: Engine) -> None:
    async def story(recorder: Recorder) -> Recorded:
        await recorder.record(make_prediction("before"))
        frozen = backends(engine)
        for process in frozen:
            os.kill(process, signal.SIGSTOP)
        try:
            with pytest.raises(UnavailableError):
                await recorder.record(make_prediction("meanwhile"))
            return await recorder.record(make_prediction("after"))
        finally:
            for process in frozen:
                os.kill(process, signal.SIGCONT)

    assert not with_recorder(engine, story, patience=0.5).replayed


def test_a_commit_whose_word_was_lost_is_found_by_the_retry_as_its_own(engine: Engine) -> None:
    """The server committed and the answer never arrived: the same row tried again is a first answer, a twin of it a replay."""

    async def story(recorder: Recorder) -> tuple[Recorded, Recorded]:
        first = await recorder.record(make_prediction("film"))
        return await recorder.record(first.prediction), await recorder.record(make_prediction("film"))

    again, twin = with_recorder(engine, story)
    assert (again.replayed, twin.replayed) == (False, True)
    assert again.prediction.id == twin.prediction.id
    assert rows(engine) == 1


def test_closing_commits_what_waits(engine: Engine) -> None:
    async def story() -> list[Recorded]:
        recorder = Recorder(engine)
        waiting = [asyncio.create_task(recorder.record(make_prediction(f"film {number}"))) for number in range(30)]
        await asyncio.sleep(0)
        await recorder.close()
        return await asyncio.gather(*waiting)

    assert len(asyncio.run(story())) == 30
    assert rows(engine) == 30
