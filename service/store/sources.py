"""Sources: where the rows of a day are read."""

from __future__ import annotations

from enum import StrEnum


class Source(StrEnum):
    """best: from the store where it has all of the day, because labels may have come since; from the archive else."""

    BEST = "best"
    ROWS = "rows"
    ARCHIVE = "archive"
