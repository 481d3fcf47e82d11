"""Becomes a Postgres program under another account, tied to the life of the process that asked for it.

Run as a script by `service.store.embedded.server`, before any privilege is dropped, so it needs the standard library only:
`launch.py PARENT UID GID TIE PROGRAM ARGUMENT...`. UID and GID are -1 to stay who we are. TIE is `kernel` where the kernel
can end a child with its parent, else `watch`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

PR_SET_PDEATHSIG = 1
LOOK_EVERY_S = 0.5


def main(arguments: list[str]) -> int:
    """Drop privileges, tie the knot, become the program."""
    parent, uid, gid = (int(argument) for argument in arguments[:3])
    tie, *command = arguments[3:]
    os.umask(0o077)
    _become(uid, gid)
    if tie == "kernel":
        _end_with_parent(parent)
        os.execv(command[0], command)  # noqa: S606 - the command is ours, no shell is wanted
    return _watch(parent, command)


def _become(uid: int, gid: int) -> None:
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _end_with_parent(parent: int) -> None:
    """Ask the kernel for SIGINT when the thread that started us ends. Dropping privileges would have cleared it, so it comes after."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)


def _watch(parent: int, command: list[str]) -> int:
    """Stay beside the program, pass signals on, and interrupt it when the parent is gone."""
    program = subprocess.Popen(command, close_fds=False)  # noqa: S603 - the command is ours

    def pass_on(number: int, _frame: FrameType | None) -> None:
        program.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, pass_on)
    orphaned = False
    while True:
        try:
            return program.wait(LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            if not orphaned and os.getppid() != parent:
                orphaned = True
                program.send_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
