"""Confine: what a companion process may do. It takes what processors nobody else wants, bounded memory, and ends with the gateway."""

from __future__ import annotations

import os
import resource
import signal
import sys
from threading import Thread
from time import sleep

LOOK_S = 2.0


def step_back() -> None:
    """Run only on processors that would be idle; where a system knows no such thing, as low as it goes."""
    os.nice(19)
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def limit_memory(more_bytes: int) -> None:
    """No more data than there is by now and so much on top; no core dumps with pixels in them."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - no file
            held = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (held + more_bytes, held + more_bytes))


def end_with(parent: int) -> None:
    """End this process soon after its parent, even in the middle of work that never ends."""
    Thread(target=_watch, args=(parent,), daemon=True).start()


def end_after(seconds: int) -> None:
    """Let the kernel end this process then, unless it is asked for more before; 0: not."""
    signal.alarm(seconds)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        sleep(LOOK_S)
    os._exit(1)
