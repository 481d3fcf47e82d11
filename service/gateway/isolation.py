"""Native codecs in processes of their own: one that crashes, hangs or eats memory is ended, and the gateway goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from queue import LifoQueue
from threading import Timer
from types import TracebackType
from typing import BinaryIO, Self, cast

import numpy as np

from service.errors import UndecodableError
from service.gateway.codec import FAILED, EncodedFrame, Words
from service.gateway.codec_process import REFUSED, send_frame

OVERDUE = 2
"""Wall time over processor time after which a process is ended: a machine under load is no hanging codec."""


class CodecPool:
    """A Codec whose native code runs in `processes` others, started when first needed and replaced when they die."""

    def __init__(self, processes: int = 1, *, seconds: int = 5, memory_bytes: int = 2 << 30) -> None:
        """Nothing runs before the first frame.

        Args:
            processes: Frames that are decompressed at once; others wait.
            seconds: Processor time of one frame.
            memory_bytes: Address space of one process.
        """
        self._seconds = seconds
        command = (sys.executable, "-m", "service.gateway.codec_process", str(seconds), str(memory_bytes))
        self._free: LifoQueue[_CodecProcess] = LifoQueue()
        self._all = tuple(_CodecProcess(command) for _ in range(processes))
        for process in self._all:
            self._free.put(process)

    def __call__(self, frame: EncodedFrame) -> Words:
        """Words of a frame; UndecodableError where the codec refuses it, dies on it or takes too long."""
        process = self._free.get()
        try:
            return process.decompress(frame, OVERDUE * self._seconds)
        finally:
            self._free.put(process)

    def close(self) -> None:
        """End all processes."""
        for process in self._all:
            process.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _CodecProcess:
    """One process, started when needed; used by one thread at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def decompress(self, frame: EncodedFrame, seconds: float) -> Words:
        process = self._started()
        watchdog = Timer(seconds, process.kill)
        watchdog.start()
        try:
            send_frame(frame, cast("BinaryIO", process.stdin))
            return _receive_words(cast("BinaryIO", process.stdout), frame)
        except (OSError, EOFError):  # it died: by its own fault, its limits or the watchdog
            self.end()
            raise UndecodableError(FAILED) from None
        finally:
            watchdog.cancel()

    def end(self) -> None:
        """Kill the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):  # what was not written yet cannot be
                cast("BinaryIO", stream).close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # codecs write to it what they please
                env={"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1"},  # and no secret of ours
            )
        return self._process


def _receive_words(stream: BinaryIO, frame: EncodedFrame) -> Words:
    head = stream.read(1)
    if not head:
        raise EOFError
    if head == REFUSED:
        raise UndecodableError(FAILED)
    size = frame.rows * frame.columns * head[0]
    words = stream.read(size)
    if len(words) != size:
        raise EOFError
    return np.frombuffer(words, f"<u{head[0]}").reshape(frame.rows, frame.columns)
