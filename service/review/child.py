"""Child: a review in a process of its own, bounded in time and memory, without secrets and without a network.

The libraries take seconds and gigabytes, call home if they are let, and one of them is under a licence that the service is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from types import MappingProxyType
from typing import Final

from service.domain import Tell
from service.errors import ReviewError
from service.review.draw import Draw

SECONDS: Final = 600
MEMORY_BYTES: Final = 6 << 30
PROGRESS: Final = "progress "
DIED: Final = "The review ended before it was done: it took longer than {seconds} s, or more than {gib:.0f} GiB of memory."


@contextmanager
def reviewed(
    module: str,
    draw: Draw,
    tell: Tell,
    *,
    files: Mapping[str, str] = MappingProxyType({}),
    seconds: int = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Iterator[Path]:
    """Run a review process on a draw, with further files beside it; yields the folder in which it left what it found.

    Raises:
        ReviewError: It did not come to its end.
    """
    with TemporaryDirectory(prefix="stepwedge-review-") as name:
        folder = Path(name)
        draw.save(folder)
        for file, content in files.items():
            (folder / file).write_text(content)
        _run(module, folder, tell, seconds, memory_bytes)
        yield folder


def _run(module: str, folder: Path, tell: Tell, seconds: int, memory_bytes: int) -> None:
    command = (sys.executable, "-m", f"service.review.{module}", str(folder), str(seconds), str(memory_bytes))
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        command,
        stdin=subprocess.PIPE,  # it ends when this does, and so with us, however we end
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries write to it what they please
        env=_environment(folder),
        text=True,
    )
    watchdog = Timer(seconds, process.kill)
    watchdog.start()
    failure = ""
    try:
        for line in process.stdout or ():
            if line.startswith(PROGRESS):
                share, _, what = line.removeprefix(PROGRESS).strip().partition(" ")
                tell(float(share), what)
            elif line.startswith("failed "):
                failure = line.removeprefix("failed ").strip()
    finally:
        watchdog.cancel()
        if sys.exc_info()[0] is not None:
            process.kill()
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
    if failure:
        raise ReviewError(f"The review could not be made: {failure}.")
    if code != 0:
        raise ReviewError(DIED.format(seconds=seconds, gib=memory_bytes / 2**30))


def _environment(folder: Path) -> dict[str, str]:
    """No secret of ours, no telemetry, and whatever a library wants to keep goes with the folder."""
    home = {name: str(folder) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR")}
    return {"PYTHONPATH": os.pathsep.join(sys.path), "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "PATH": os.defpath, **home}
