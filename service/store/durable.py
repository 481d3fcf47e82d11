"""Durable files: what is written here is whole and on disk when the call returns, and is nobody else's to read."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
UNFINISHED = ".part"


def write_durably(path: Path, pieces: Iterable[bytes], *, sync: bool = True) -> None:
    """Write a file under its name all at once: after a crash it is there as it was, or as it is to be, never in between.

    Without `sync` it survives the end of this process but not of the machine. The folder is synced by `sync_folder`, once for
    many files.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    with private_file(unfinished) as file:
        for piece in pieces:
            file.write(piece)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    unfinished.replace(path)


def private_file(path: Path) -> BinaryIO:
    """A new file, open for writing, that only its owner may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE), "wb")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: files that were created, renamed or removed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_hold(path: Path) -> int | None:
    """The descriptor of a lock file that is ours as long as the descriptor is open; None while another process holds it.

    The lock ends with its process, however that ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
