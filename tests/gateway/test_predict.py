"""Many callers, one model: each gets the scores of its own film, and trouble stays where it began."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from service.domain import Scores
from service.errors import InferenceError, UnavailableError
from service.gateway.predict import Predictor
from service.models.loading import LoadedModel
from service.models.manifest import parse_manifest
from tests.models.packages import SIDE, make_manifest

FAIL, NOT_FINITE = -13.0, -17.0
WAITS_S = 60


@dataclass
class Gate:
    """A model of the mean grey value that can be held in the middle of a batch."""

    open: Event = field(default_factory=Event)
    entered: Event = field(default_factory=Event)
    sizes: list[int] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.open.set()

    def __call__(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.entered.set()
        assert self.open.wait(WAITS_S)
        self.sizes.append(len(films))
        self.threads.add(torch.get_num_threads())
        mean = films.mean(dim=(1, 2, 3))
        if (mean == FAIL).any():
            raise RuntimeError
        logits = torch.stack((mean, torch.where(mean == NOT_FINITE, torch.nan, -mean)), dim=1)
        return logits, mean[:, None].repeat(1, 3)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def sizes() -> list[int]:
    return []


@pytest.fixture
def predictor(gate: Gate, sizes: list[int]) -> Iterator[Predictor]:
    model = LoadedModel(parse_manifest(make_manifest()), gate, embedding=3)
    with Predictor(model, batch_size=4, on_batch=sizes.append) as predictor:
        gate.sizes.clear()
        gate.entered.clear()
        yield predictor
        gate.open.set()


def film(value: float) -> NDArray[np.float32]:
    return np.full((1, SIDE, SIDE), value, np.float32)


async def held(gate: Gate, predictor: Predictor, values: list[float]) -> tuple[asyncio.Task[Scores], list[asyncio.Task[Scores]]]:
    """One film inside the model, which is held there, and the others waiting behind it."""
    gate.open.clear()
    first = asyncio.ensure_future(predictor.predict(film(0.0)))
    await asyncio.to_thread(gate.entered.wait, WAITS_S)
    waiting = [asyncio.ensure_future(predictor.predict(film(value))) for value in values]
    await asyncio.sleep(0)
    return first, waiting


def test_each_caller_gets_the_scores_of_its_own_film(predictor: Predictor) -> None:
    async def ask() -> list[Scores]:
        return list(await asyncio.gather(*(predictor.predict(film(value)) for value in range(50))))

    for value, scores in enumerate(asyncio.run(ask())):
        np.testing.assert_allclose(scores.logits, [value, -value])
        np.testing.assert_allclose(scores.embedding, [value] * 3)
        assert scores.embedding.dtype == np.float16


def test_a_film_alone_is_answered_alone_and_at_once(predictor: Predictor, gate: Gate) -> None:
    asyncio.run(predictor.predict(film(1.0)))
    assert gate.sizes == [1]


def test_what_waits_while_the_model_works_goes_together_up_to_the_batch_size(predictor: Predictor, gate: Gate, sizes: list[int]) -> None:
    async def ask() -> None:
        first, waiting = await held(gate, predictor, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        gate.open.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(ask())
    assert gate.sizes == sizes == [1, 4, 2]


def test_a_batch_that_fails_fails_its_own_callers_only(predictor: Predictor, gate: Gate) -> None:
    async def ask() -> list[Scores | BaseException]:
        first, waiting = await held(gate, predictor, [1.0, FAIL, 2.0, 3.0, 4.0, 5.0])
        gate.open.set()
        return await asyncio.gather(first, *waiting, return_exceptions=True)

    first, *batch, fifth, sixth = asyncio.run(ask())
    assert all(isinstance(answer, Scores) for answer in (first, fifth, sixth))
    assert all(isinstance(answer, InferenceError) for answer in batch)


def test_scores_that_are_not_finite_fail_their_own_film_only(predictor: Predictor, gate: Gate) -> None:
    async def ask() -> list[Scores | BaseException]:
        first, waiting = await held(gate, predictor, [1.0, NOT_FINITE, 2.0])
        gate.open.set()
        return await asyncio.gather(first, *waiting, return_exceptions=True)

    answers = asyncio.run(ask())
    assert [isinstance(answer, Scores) for answer in answers] == [True, True, False, True]
    assert isinstance(answers[2], InferenceError)


def test_films_of_another_shape_fail_and_the_next_film_is_answered(predictor: Predictor) -> None:
    async def ask() -> Scores:
        with pytest.raises(InferenceError):
            await predictor.predict(np.zeros((2, SIDE, SIDE, 3), np.float32))
        return await predictor.predict(film(1.0))

    assert asyncio.run(ask()).logits[0] == 1.0


def test_a_caller_that_goes_away_disturbs_nobody(predictor: Predictor, gate: Gate) -> None:
    async def ask() -> list[Scores | BaseException]:
        first, waiting = await held(gate, predictor, [1.0, 2.0])
        waiting[0].cancel()
        gate.open.set()
        return await asyncio.gather(first, *waiting, return_exceptions=True)

    first, gone, stays = asyncio.run(ask())
    assert isinstance(first, Scores)
    assert isinstance(gone, asyncio.CancelledError)
    assert isinstance(stays, Scores)
    assert stays.logits[0] == 2.0


def test_a_loop_that_is_closed_while_its_film_is_in_work_does_not_stop_the_predictor(predictor: Predictor, gate: Gate) -> None:
    async def leave() -> None:
        await held(gate, predictor, [1.0])

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    gate.open.set()
    assert asyncio.run(predictor.predict(film(3.0))).logits[0] == 3.0


def test_callers_of_several_loops_share_one_model(predictor: Predictor) -> None:
    ask: Callable[[float], Scores] = lambda value: asyncio.run(predictor.predict(film(value)))  # noqa: E731 (one line for eight threads)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, map(float, range(32))))
    assert [float(scores.logits[0]) for scores in answers] == list(range(32))


def test_closing_answers_what_waits_and_refuses_what_comes_later(predictor: Predictor, gate: Gate) -> None:
    async def ask() -> list[Scores]:
        first, waiting = await held(gate, predictor, [1.0, 2.0, 3.0, 4.0, 5.0])
        closing = asyncio.ensure_future(asyncio.to_thread(predictor.close))
        await asyncio.sleep(0)
        gate.open.set()
        answers = await asyncio.gather(first, *waiting)
        await closing
        with pytest.raises(UnavailableError):
            await predictor.predict(film(1.0))
        return list(answers)

    assert len(asyncio.run(ask())) == 6


def test_a_predictor_that_was_not_started_refuses() -> None:
    predictor = Predictor(LoadedModel(parse_manifest(make_manifest()), Gate(), embedding=3))
    with pytest.raises(UnavailableError):
        asyncio.run(predictor.predict(film(1.0)))
    predictor.close()


def test_starting_warms_the_model_up_alone_and_in_a_full_batch() -> None:
    gate = Gate()
    with Predictor(LoadedModel(parse_manifest(make_manifest()), gate, embedding=3), batch_size=8):
        assert set(gate.sizes) == {1, 8}


def test_the_model_works_on_as_many_threads_as_were_asked_for() -> None:
    before = torch.get_num_threads()
    gate = Gate()
    try:
        with Predictor(LoadedModel(parse_manifest(make_manifest()), gate, embedding=3), threads=1) as predictor:
            asyncio.run(predictor.predict(film(1.0)))
    finally:
        torch.set_num_threads(before)
    assert gate.threads == {1}
