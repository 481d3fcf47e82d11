"""Companion: a process that works beside the gateway. It is asked over pipes, and ended when it hangs; its end harms nobody."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from select import select
from time import monotonic
from typing import Any, BinaryIO, cast

from service.shadow.pipe import Part, packed

PIPE_BYTES = 1 << 20
LOOK_S = 0.5
STARVED = 20
"""A process that could run but is not let by others may take so many times longer by the clock."""
START_S = 60
CHUNK = 1 << 16
LONGEST_HEAD = 1 << 20
"""A reply whose first line is longer is none."""
ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "16777216"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class EndedError(Exception):
    """The process died, or was ended because it hung."""


class Companion:
    """One process, used by one thread."""

    def __init__(self, module: str, arguments: Sequence[str], *, seconds: int, environment: Mapping[str, str] | None = None) -> None:
        """Start it.

        Args:
            module: What it runs; it says `ready` as its first line.
            arguments: Of its command.
            seconds: Processor time of one request; of its start, START_S.
            environment: Beside what Python needs. It sees nothing else of ours.
        """
        self._seconds = seconds
        around = {"PYTHONPATH": ":".join(sys.path), **ONE_THREAD, **ALLOCATOR, **(environment or {})}
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            (sys.executable, "-m", module, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries write to it what they please
            env=around,
        )
        self._stdin, self._stdout = (cast("BinaryIO", pipe) for pipe in (self._process.stdin, self._process.stdout))
        for pipe in (self._stdin, self._stdout):
            os.set_blocking(pipe.fileno(), False)
            if sys.platform == "linux":
                with suppress(OSError):  # a system may allow less
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._held = b""
        self._stopped = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def until_ready(self) -> None:
        """Wait until it can be asked.

        Raises:
            EndedError: It ended before, or took too long.
        """
        with self._watched(START_S) as check:
            self._line(check)

    def ask(self, parts: Sequence[Part]) -> list[tuple[dict[str, Any], bytes]]:
        """Send a request and read its reply, in the same order.

        Raises:
            EndedError: It died on it, or took too long.
        """
        with self._watched(self._seconds) as check:
            for piece in packed(parts):
                self._write(memoryview(piece), check)
            try:
                heads = json.loads(self._line(check))
                replies = [(head, self._read(int(head["length"]), check)) for head in heads]
            except (ValueError, TypeError, KeyError, RecursionError):
                raise EndedError from None
            if len(replies) != len(parts):
                raise EndedError
            return replies

    def stop(self) -> None:
        """From another thread: whatever it is asked ends soon."""
        self._stopped = True

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()

    def _watched(self, seconds: int) -> _Watched:
        return _Watched(self._process.pid, seconds, lambda: self._stopped)

    def _write(self, data: memoryview, check: Callable[[], None]) -> None:
        data = data.cast("B")
        while data:
            _, writable, _ = select([], [self._stdin], [], LOOK_S)
            check()
            if writable:
                data = data[os.write(self._stdin.fileno(), data[:PIPE_BYTES]) :]

    def _line(self, check: Callable[[], None]) -> bytes:
        while b"\n" not in self._held:
            self._more(check)
            if len(self._held) > LONGEST_HEAD:
                raise EndedError
        line, _, self._held = self._held.partition(b"\n")
        return line

    def _read(self, length: int, check: Callable[[], None]) -> bytes:
        while len(self._held) < length:
            self._more(check)
        data, self._held = self._held[:length], self._held[length:]
        return data

    def _more(self, check: Callable[[], None]) -> None:
        readable, _, _ = select([self._stdout], [], [], LOOK_S)
        check()
        if readable:
            piece = os.read(self._stdout.fileno(), CHUNK)
            if not piece:
                raise EndedError
            self._held += piece


class _Watched:
    """A block in which a process may use so much processor time, and by the clock more only while it is kept from running."""

    def __init__(self, pid: int, seconds: int, stopped: Callable[[], bool]) -> None:
        self._pid = pid
        self._seconds = seconds
        self._stopped = stopped
        self._began = monotonic()
        self._used = _processor_time(pid)[0]

    def __enter__(self) -> Callable[[], None]:
        return self._check

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise EndedError from None

    def _check(self) -> None:
        if self._stopped():
            raise EndedError
        elapsed = monotonic() - self._began
        if elapsed < self._seconds:
            return
        used, runnable = _processor_time(self._pid)
        if used - self._used > self._seconds or not runnable or elapsed > STARVED * self._seconds:
            raise EndedError


def _processor_time(pid: int) -> tuple[float, bool]:
    """Seconds that a process has used, and whether it would run now if it were let; 0 and no where nobody says."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0, False
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), fields[0] == "R"
