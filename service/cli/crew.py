"""Crew: the child processes of `stepwedge up`. They stop in the reverse order of their start, and none outlives us."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class News:
    """`member` ended with `code`; or, where it is None, we are asked to stop."""

    member: str | None
    code: int


class Crew:
    """Starts `stepwedge COMMAND` processes and tells what becomes of them; at the end stops those that are left."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        """Nothing is started yet.

        Args:
            environment: What the members' environment has besides ours.
            logs: Folder in which each member's standard error becomes a file of its own, so that the terminal stays readable.
        """
        self._environment = {**os.environ, **environment}
        self._logs = logs
        self._members: dict[str, Process] = {}
        self._asked = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked.set)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in reversed(self._members.values()):
            await end(process)

    async def start(self, command: str, *arguments: str) -> None:
        """Start a member, on a leash and in a process group of its own: Ctrl-C reaches us alone, and we stop them in order."""
        call = ("-m", "service", command, *arguments, "--leash", str(os.getpid()))
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log_of(command).open("wb") as log:
            self._members[command] = await asyncio.create_subprocess_exec(
                sys.executable, *call, env=self._environment, stdin=asyncio.subprocess.DEVNULL, stderr=log, process_group=0
            )

    def log_of(self, command: str) -> Path:
        """The file of a member's log; a new start begins it anew."""
        return self._logs / f"{command}.log"

    async def news(self, *, within: float | None = None) -> News | None:
        """The next thing that happens: somebody asks us to stop, or a member ends and is a member no more. None: nothing, for `within` seconds."""
        asked = asyncio.create_task(self._asked.wait())
        ends = {asyncio.create_task(process.wait()): name for name, process in self._members.items()}
        done, pending = await asyncio.wait({asked, *ends}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if asked in done:
            return News(member=None, code=0)
        for task in done:
            name = ends[task]
            return News(member=name, code=await self._members.pop(name).wait())
        return None


async def end(process: Process) -> None:
    """Ask a process to stop, and make it stop when it does not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()
