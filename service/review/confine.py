"""Confine: what a review process may do. It writes its progress to stdout, and why it failed: the class of an error, never its message."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

from service.review.loaded import Loaded, load

FORBIDDEN = (
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "os.system",
)


def main(review: Callable[[Loaded, Path], None]) -> None:
    """`python -m MODULE FOLDER SECONDS BYTES`: review the draw in a folder."""
    folder, seconds, memory_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    confine(seconds, memory_bytes)
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        review(load(folder), folder)
    except Exception as error:  # noqa: BLE001 - its message may quote what it does not like
        print(f"failed {type(error).__name__}", flush=True)  # noqa: T201 - the parent reads it
        sys.exit(1)


def confine(seconds: int, memory_bytes: int) -> None:
    """No more time and memory than that, also when the parent is gone; no network, no programs, no core dumps."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(seconds)
    sys.addaudithook(_refuse)


def tell(share: float, what: str) -> None:
    """Say how far the work is."""
    print(f"progress {share:.3f} {what}", flush=True)  # noqa: T201 - the parent reads it


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in FORBIDDEN:
        raise PermissionError
