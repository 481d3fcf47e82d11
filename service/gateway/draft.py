"""Draft: an instance while it arrives, written to disk piece by piece so that memory stays flat."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from service.store.durable import private_file


class Draft:
    """One instance that nobody has accepted yet; what is discarded leaves nothing behind."""

    def __init__(self, path: Path, reserve: Callable[[int], None], give_back: Callable[[int], None]) -> None:
        """Make the file.

        Args:
            path: Where the instance goes; the stem of its name is its id.
            reserve: Asked for room before bytes are written; may refuse.
            give_back: Told what is free again.
        """
        self.id = UUID(path.stem)
        self.path = path
        self.size = 0
        self._reserve = reserve
        self._give_back = give_back
        self._file: BinaryIO = private_file(path)

    def write(self, piece: bytes) -> None:
        """Append.

        Raises:
            InboxFullError: There is no room.
        """
        self._reserve(len(piece))
        self.size += len(piece)
        self._file.write(piece)

    def seal(self) -> None:
        """All of it came: it is on disk when this returns."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def discard(self) -> None:
        """Leave nothing of it."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        self._give_back(self.size)
        self.size = 0
