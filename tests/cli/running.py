"""The `stepwedge` command as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.api.serving import until
from tests.ports import free_port

COMMAND = [sys.executable, "-m", "service"]


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """Ours, without any setting of Stepwedge but these."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("STEPWEDGE_") and name != "DATABASE_URL"}
    return {**ours, "STEPWEDGE_DATA_DIR": str(data_dir), "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "160", **settings}


def stepwedge(*arguments: str, data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    call = [*COMMAND, *arguments]
    return subprocess.run(
        call, env=environment(data_dir, **settings), cwd=data_dir, capture_output=True, text=True, check=False, timeout=120
    )


def failure(said: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that could not do its work."""
    assert said.returncode == 1, said.stdout + said.stderr
    assert "Traceback" not in said.stderr
    lines = said.stderr.strip().splitlines()
    assert len(lines) == 1, said.stderr
    assert lines[0].startswith("stepwedge: ")
    return lines[0]


@contextmanager
def up(data_dir: Path, log: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`stepwedge up` once it has said its address; whatever becomes of it, it is not left behind."""
    port = free_port()
    ports = {"STEPWEDGE_PORT": str(port), "STEPWEDGE_WORKER_PORT": str(free_port())}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*COMMAND, "up"], env=environment(data_dir, **ports, PYTHONUNBUFFERED="1", **settings), cwd=data_dir, stdout=sink, stderr=sink
        )
        try:
            until(lambda: "Ctrl-C" in log.read_text() or process.poll() is not None, 90)
            assert process.poll() is None, log.read_text()
            yield process, f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(30)


def descendants(pid: int) -> set[int]:
    """All processes below a process."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found |= set(children)
        waiting += children
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that still run; one that ended and waits to be collected does not."""

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return {pid for pid in pids if runs(pid)}
