"""What a process and its children weigh, read from /proc."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def memory(pid: int, name: str = "VmRSS") -> int:
    """Bytes: VmRSS is what the process holds now, VmHWM the most that it ever held."""
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def children(pid: int) -> dict[int, str]:
    """Child process -> its command line."""
    found = {}
    for one in PROC.glob("[0-9]*"):
        try:
            call, state = (one / "cmdline").read_bytes(), (one / "stat").read_text()
        except OSError:  # it ended meanwhile
            continue
        if int(state.rsplit(")", 1)[1].split()[1]) == pid:
            found[int(one.name)] = call.replace(b"\0", b" ").decode()
    return found
