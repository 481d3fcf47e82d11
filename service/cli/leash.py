"""Leash: a child process ends when the process that started it does, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from typing import Annotated

import typer

from service.errors import SetupError

PR_SET_PDEATHSIG = 1
LOOK_EVERY_S = 0.5

Leash = Annotated[int | None, typer.Option("--leash", hidden=True, help="Process that this one ends with.")]


def tie(parent: int | None) -> None:
    """Ask for SIGTERM when `parent`, which must be who started us, is gone. Linux keeps that promise itself; elsewhere a thread looks."""
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    else:
        threading.Thread(target=watch, args=(parent,), name="leash", daemon=True).start()
    if os.getppid() != parent:
        raise SetupError("The process that started this one is gone already.")


def watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
