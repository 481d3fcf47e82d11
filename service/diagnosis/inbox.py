"""Whether studies wait in the inbox of this machine for a gateway that will never come back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from service.config import Settings
from service.diagnosis.result import Health, Result
from service.gateway.inbox import INSTANCE, LOCK
from service.store.durable import try_hold


def inbox(settings: Settings) -> Result:
    """What waits, how much of the bound that is, and whether a running gateway has it in hand."""
    folders = [path for path in settings.inbox_folder.glob("[!.]*") if path.is_dir()]
    waiting = {folder: list(sizes(folder)) for folder in folders}
    count, held = sum(map(len, waiting.values())), sum(map(sum, waiting.values()))
    if not count:
        return Result(Health.OK, "nothing waits")
    detail = f"{count} instances wait, {held / settings.inbox_bytes:.0%} of STEPWEDGE_INBOX_BYTES"
    if left := [folder for folder, films in waiting.items() if films and is_free(folder)]:
        where = f"{detail}; {len(left)} folders of gateways that do not run"
        return Result(Health.WRONG, where, "Start a gateway on this volume: it takes them over by itself.")
    if held > settings.inbox_bytes / 2:
        return Result(Health.WRONG, detail, "Add gateways or STEPWEDGE_ASYNC_TASKS, or slow the sender; at the bound it is told 503.")
    return Result(Health.NOTE, detail)


def sizes(folder: Path) -> Iterator[int]:
    """Bytes of each instance; one that was answered meanwhile is gone."""
    for path in folder.glob(f"*{INSTANCE}"):
        with suppress(FileNotFoundError):
            yield path.stat().st_size


def is_free(folder: Path) -> bool:
    """Whether no process holds the folder. Asking takes the lock for a moment, in which a gateway that looks round passes it over until next time."""
    try:
        lock = try_hold(folder / LOCK)
    except OSError:
        return False
    if lock is None:
        return False
    os.close(lock)
    return True
