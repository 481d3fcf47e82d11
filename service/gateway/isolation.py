"""Native codecs in processes of their own: one that crashes, hangs or eats memory is ended, and the gateway goes on."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from queue import LifoQueue
from threading import Timer
from time import monotonic
from types import TracebackType
from typing import BinaryIO, Self, cast

from service.errors import UnavailableError, UndecodableError
from service.gateway.codec_pipe import receive_words, send_frame
from service.gateway.frame import FAILED, OVERDUE, EncodedFrame, Words

PIPE_BYTES = 1 << 20
"""As much as Linux gives anybody: fewer turns between the two sides of a film of megabytes."""
NOT_NOW = "Compressed films cannot be read now; try again shortly."
ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "16777216"}
"""Memory of a large frame goes back to the system with it; glibc would keep it for the next."""
FRAMES = 1000
"""After so many frames a process is replaced: native code leaks, most of all where a frame is broken."""


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
        """Words of a frame.

        Raises:
            UndecodableError: The codec refuses it, dies on it or takes too long.
            UnavailableError: No process can be started now.
        """
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
        self._frames = 0

    def decompress(self, frame: EncodedFrame, seconds: float) -> Words:
        """Words of a frame. A process that dies on it within its time, and had others before, may have died of those: a new one tries again."""
        process = self._started()
        fresh, began = self._frames == 0, monotonic()
        try:
            return self._ask(process, frame, seconds)
        except (OSError, EOFError):  # it died: by its own fault, its limits or the watchdog
            self.end()
            if fresh or monotonic() - began > seconds / OVERDUE:
                raise UndecodableError(FAILED) from None
            return self.decompress(frame, seconds)

    def end(self) -> None:
        """Kill the process, if there is one."""
        process, self._process, self._frames = self._process, None, 0
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):  # what was not written yet cannot be
                cast("BinaryIO", stream).close()

    def _ask(self, process: subprocess.Popen[bytes], frame: EncodedFrame, seconds: float) -> Words:
        watchdog = Timer(seconds, process.kill)
        watchdog.start()
        try:
            send_frame(frame, cast("BinaryIO", process.stdin))
            words = receive_words(cast("BinaryIO", process.stdout), frame)
        finally:
            watchdog.cancel()
            self._frames += 1
        return words

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None or self._frames >= FRAMES:
            self.end()
            self._process = _start(self._command)
        return self._process


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # codecs write to it what they please
            env={"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1", **ALLOCATOR},  # and no secret of ours
        )
    except OSError:
        raise UnavailableError(NOT_NOW) from None
    if sys.platform == "linux":
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):  # a system may allow less
                fcntl.fcntl(cast("BinaryIO", stream), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return process
