"""Renderer: reports are made in a process of their own, started when the first is wanted and ended when none is for a while.

The library takes about a second of start, 190 MB and a tenth of a second of Python a report: beside that, in one process,
films would wait. Its log and its warnings may quote what it does not like; here they go nowhere.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Timer
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

import structlog

from service.errors import BusyError, NoReportError, ReportError, UnavailableError
from service.results.subject import Subject

SECONDS: Final = 30.0
IDLE_S: Final = 60.0
MOST_WAITING: Final = 16
NOT_NOW: Final = "The report cannot be made now; try again shortly."
COMMAND: Final = (sys.executable, "-m", "service.results.render_process")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a subject: its report, a refusal in words, or the class of an unexpected error."""

    report: bytes = b""
    refusal: str = ""
    failure: str = ""


class Renderer:
    """One report at a time; a process that dies or takes too long is replaced for the next."""

    def __init__(self, seconds: float = SECONDS, idle: float = IDLE_S) -> None:
        self._seconds = seconds
        self._idle = idle
        self._asked = 0
        self._rest: Timer | None = None
        self._turn = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="report")
        self._waiting = 0

    async def render(self, subject: Subject) -> bytes:
        """`make`, for callers on the event loop; they are few, or told to come again.

        Raises:
            BusyError: Too many wait for a report already.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.make, subject)
        finally:
            self._waiting -= 1

    def make(self, subject: Subject) -> bytes:
        """The report of a subject.

        Raises:
            NoReportError: There can be none.
            ReportError: Our own fault.
            UnavailableError: The process could not be started, died or took too long.
        """
        with self._turn:
            self._asked += 1
            if self._rest is not None:
                self._rest.cancel()
            try:
                answer = self._ask(subject)
            except (OSError, EOFError, pickle.UnpicklingError):
                self._end()
                raise UnavailableError(NOT_NOW) from None
            self._rest = Timer(self._idle, self._retire, (self._asked,))
            self._rest.daemon = True
            self._rest.start()
        if answer.refusal:
            raise NoReportError(answer.refusal)
        if answer.failure:
            log.error("report not made", kind=answer.failure)
            raise ReportError
        return answer.report

    def close(self) -> None:
        """End the process."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _ask(self, subject: Subject) -> Made:
        process = self._started()
        watchdog = Timer(self._seconds, process.kill)
        watchdog.start()
        try:
            pickle.dump(subject, cast("BinaryIO", process.stdin))
            cast("BinaryIO", process.stdin).flush()
            return cast("Made", pickle.load(cast("BinaryIO", process.stdout)))  # noqa: S301 (written by our own child)
        finally:
            watchdog.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},  # and no secret of ours
            )
        return self._process

    def _retire(self, asked: int) -> None:
        """End the process, unless another report was asked for meanwhile."""
        with self._turn:
            if asked == self._asked:
                self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):  # what was not written yet cannot be
                cast("BinaryIO", stream).close()
