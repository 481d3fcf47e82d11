"""Shelf: the segment files of one process in a folder of its own, held under a lock for as long as the process lives.

ROOT/PROCESS/lock is locked (flock) by its owner; ROOT/PROCESS/NUMBER.seg are its segments. Who finds a folder whose lock is free has found
the shelf of a process that is dead, and adopts it by taking the lock. So several gateways may share a volume that honours flock, and each
segment has one reader. Folders are 0700, files 0600.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import time_ns
from typing import Final
from uuid import UUID

from service.gateway.segment import framed

SUFFIX: Final = ".seg"
LOCK: Final = "lock"
ASIDE: Final = "aside"
"""Where damaged segments and records that no database takes are kept for a person to look at."""
SEGMENT_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies: [begin, end) of a segment."""

    segment: Path
    begin: int
    end: int


class Shelf:
    """Appends to its newest segment, durably; the older ones are sealed and may be read and removed. Safe for several threads."""

    def __init__(self, folder: Path, lock: int) -> None:
        """See `own` and `adoptable`: a shelf is always held under its lock."""
        self.folder = folder
        self.process = UUID(folder.name)
        self._lock = lock
        self._guard = Lock()
        self._active: Path | None = None
        self._descriptor = -1
        self._size = 0

    @classmethod
    def own(cls, root: Path, process: UUID) -> Shelf:
        """A new shelf. It is made under another name and renamed when it is locked, so that nobody adopts it meanwhile."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = root / f".{process}"
        new.mkdir(mode=0o700)
        lock = os.open(new / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(root / str(process))
        sync(root)
        return cls(root / str(process), lock)

    def append(self, payloads: Sequence[bytes]) -> list[Place]:
        """Write records and wait until they are on the disk: one fsync for all of them.

        Raises:
            OSError: They are not; whatever of them was written is cut off again where that is still possible.
        """
        data = [framed(payload) for payload in payloads]
        with self._guard:
            if self._active is None or self._size >= SEGMENT_BYTES:
                self._begin()
            before, segment = self._size, self._active
            try:
                write(self._descriptor, b"".join(data))
                os.fdatasync(self._descriptor)
            except OSError:
                # After a failed fsync nobody knows what the disk has: the next record begins another segment.
                with suppress(OSError):
                    os.ftruncate(self._descriptor, before)
                self._end()
                raise
        return list(self._places(segment, data))

    def seal(self) -> None:
        """The newest segment takes no more."""
        with self._guard:
            self._end()

    def sealed(self) -> list[Path]:
        """The segments that may be drained, oldest first."""
        with self._guard:
            return sorted(path for path in self.folder.glob(f"*{SUFFIX}") if path != self._active)

    def remove(self, segment: Path) -> None:
        """Forget a segment whose records are all committed."""
        segment.unlink(missing_ok=True)
        sync(self.folder)

    def set_aside(self, segment: Path, data: bytes) -> None:
        """Keep bytes that could not be drained for a person to look at."""
        folder = self.folder.parent / ASIDE
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / f"{self.process}-{segment.name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Let go; a shelf with nothing on it is taken away."""
        self.seal()
        if not self.sealed():
            with suppress(OSError):
                (self.folder / LOCK).unlink()
                self.folder.rmdir()
        os.close(self._lock)

    def _begin(self) -> None:
        self._end()
        names = [number_of(path) for path in self.folder.glob(f"*{SUFFIX}")]
        active = self.folder / f"{max(time_ns(), max(names, default=0) + 1):020d}{SUFFIX}"
        self._descriptor = os.open(active, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._active, self._size = active, 0
        sync(self.folder)

    def _end(self) -> None:
        if self._active is not None:
            os.close(self._descriptor)
            self._active, self._descriptor = None, -1

    def _places(self, segment: Path | None, data: Sequence[bytes]) -> Iterator[Place]:
        if segment is None:
            raise RuntimeError("a record was written to no segment")
        for one in data:
            yield Place(segment, self._size, self._size + len(one))
            self._size += len(one)


def number_of(segment: Path) -> int:
    """A segment's number: the nanosecond at which it was begun."""
    return int(segment.stem)


def adoptable(root: Path, held: frozenset[UUID]) -> Iterator[Shelf]:
    """The shelves of processes that are dead, each locked from now on; `held` are ours already."""
    for folder in sorted(root.glob("*/")):
        try:
            process = UUID(folder.name)
            lock = -1 if process in held else os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except (ValueError, OSError):
            continue
        if lock < 0:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have taken the folder away between our opening and our lock.
            if os.fstat(lock).st_nlink == 0:
                raise FileNotFoundError
        except OSError:
            os.close(lock)
            continue
        yield Shelf(folder, lock)


def write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync(folder: Path) -> None:
    """Make what was made, renamed or removed in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
