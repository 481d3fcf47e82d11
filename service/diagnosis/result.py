"""Result: how one thing is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from service.config import Settings


class Health(StrEnum):
    """A note needs no action; what is wrong does."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Result:
    """How one thing is; `advice` says what to do about it."""

    health: Health
    detail: str
    advice: str = ""


Check = Callable[[Settings], Result]
StoreCheck = Callable[[Settings, Connection], Result]
