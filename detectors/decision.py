"""What a comparison of two models says."""

from __future__ import annotations

from enum import StrEnum


class Decision(StrEnum):
    """What a comparison says."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_YET = "not yet"
