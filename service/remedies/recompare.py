"""Recompare: beside the worker's passes, every challenger is held against its champion again; what changed is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Event
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.config import Settings
from service.domain import ModelVersion
from service.errors import StepwedgeError
from service.remedies.canary import end_worse
from service.remedies.compare import compare
from service.remedies.comparison import Comparison
from service.store.comparisons import StoredComparison, add_comparison
from service.store.locks import session_lock
from service.store.models import challengers, champion

log = structlog.get_logger(__name__)

LOOK_S: Final = 60.0


def recompare_until(engine: Engine, settings: Settings, stop: Event, now: Callable[[], datetime]) -> None:
    """Compare all challengers, again and again."""
    while not stop.wait(min(LOOK_S, settings.worker_interval_s)):
        try:
            recompare(engine, now())
            end_worse(engine, now())
        except SQLAlchemyError as error:
            log.warning("challengers not compared", error=type(error).__name__)


def recompare(engine: Engine, now: datetime) -> list[Comparison]:
    """Compare every challenger once; a lock keeps it to one worker. One that cannot be compared is passed over."""
    found = []
    with engine.connect() as connection, session_lock(connection, "comparisons") as held:
        with connection.begin():
            waiting = challengers(connection) if held else []
        for challenger in waiting:
            try:
                found.append(compared(engine, challenger, now))
            except StepwedgeError as error:
                log.warning("challenger not compared", model=challenger.model, version=challenger.version, reason=type(error).__name__)
    return found


def compared(engine: Engine, challenger: ModelVersion, now: datetime) -> Comparison:
    """Compare one challenger now, and store what was found.

    Raises:
        UnknownModelError: Nobody answers for the model.
    """
    with engine.connect() as connection, connection.begin():
        found = compare(connection, challenger, now)
        against = champion(connection, challenger.model).id
        add_comparison(connection, StoredComparison(against, challenger.id, now, found.decision, found.to_json()))
    return found
