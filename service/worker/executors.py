"""Executors: who computes many independent days. Each is one callable: a function and its arguments in, results as they come out."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar

from service.errors import MissingExtraError

Job = TypeVar("Job")
Result = TypeVar("Result")
NO_DASK = "distributed is not installed. Install the extra: pip install 'stepwedge[dask]', or leave --scheduler away."


class Executor(Protocol):
    """Computes `work` of each job, in any order and place."""

    def __call__(self, work: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]: ...


def inline(work: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
    """One after the other, here."""
    return map(work, jobs)


@contextmanager
def processes(workers: int | None = None, environment: dict[str, str] | None = None) -> Iterator[Executor]:
    """Processes of this machine, as many as it has processors where nobody says otherwise. environment: what theirs has besides ours."""
    context = multiprocessing.get_context("spawn")  # a fork would share our connections
    with ProcessPoolExecutor(workers or os.cpu_count(), context, initializer=_settle_in, initargs=(environment or {},)) as pool:

        def execute(work: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
            return (future.result() for future in as_completed([pool.submit(work, job) for job in jobs]))

        yield execute


def _settle_in(environment: dict[str, str]) -> None:
    os.environ.update(environment)


@contextmanager
def dask(address: str) -> Iterator[Executor]:
    """Workers of a Dask cluster; Stepwedge must be installed there, and the archive within their reach.

    Raises:
        MissingExtraError: distributed is not installed here.
    """
    if find_spec("distributed") is None:
        raise MissingExtraError(NO_DASK)
    import distributed  # noqa: PLC0415 - an extra

    untyped: Any = distributed
    with untyped.Client(address, set_as_default=False) as client:

        def execute(work: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
            futures = client.map(work, jobs, pure=False)
            return (result for _, result in untyped.as_completed(futures, loop=client.loop, with_results=True))

        yield execute
