"""Watch: beside the worker's passes, each new alarm gets what the installed extras make of it, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event
from typing import Final, Protocol
from uuid import UUID

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.config import Settings
from service.domain import Alarm, Tell
from service.errors import StepwedgeError
from service.review.confirm import confirm
from service.review.licence import has_alibi, has_evidently
from service.review.report import report
from service.store.alarms import find_alarm
from service.store.audit import WORKER
from service.store.locks import session_lock
from service.store.reviews import Kind, unreviewed

log = structlog.get_logger(__name__)

LOOK_S: Final = 20.0
LOOK_BACK: Final = timedelta(days=90)
"""Alarms that were opened longer ago are left to people."""


class Reviewer(Protocol):
    """Makes a review and attaches it."""

    def __call__(self, engine: Engine, settings: Settings, alarm: Alarm, *, at: datetime, tell: Tell, actor: str) -> object: ...


def reviewers(settings: Settings) -> dict[Kind, Reviewer]:
    """What can be made here: by what is installed, and by whether alibi-detect's terms are accepted."""
    possible: dict[Kind, Reviewer] = {}
    if has_evidently():
        possible[Kind.REPORT] = report
    if has_alibi() and settings.alibi_licence != "none":
        possible[Kind.CONFIRMATION] = confirm
    return possible


def review_until(engine: Engine, settings: Settings, stop: Event, now: Callable[[], datetime]) -> None:
    """Look for alarms without a review, again and again. One that cannot be reviewed is given up; a person may ask again."""
    given_up: set[tuple[Kind, UUID]] = set()
    possible = reviewers(settings)
    while not stop.wait(LOOK_S):
        try:
            review_new(engine, settings, possible, given_up, now)
        except SQLAlchemyError as error:
            log.warning("reviews not made", error=type(error).__name__)


def review_new(
    engine: Engine, settings: Settings, possible: dict[Kind, Reviewer], given_up: set[tuple[Kind, UUID]], now: Callable[[], datetime]
) -> int:
    """Review every alarm that has none of a kind yet; how many reviews were made. A lock keeps it to one worker."""
    made = 0
    with engine.connect() as connection, session_lock(connection, "reviews of alarms") as held:
        for kind, make in possible.items() if held else ():
            with connection.begin():
                waiting = [one for one in unreviewed(connection, kind, now() - LOOK_BACK) if (kind, one) not in given_up]
                alarms = [alarm for one in waiting if (alarm := find_alarm(connection, one)) is not None]
            for alarm in alarms:
                try:
                    make(engine, settings, alarm, at=now(), tell=lambda _done, _what: None, actor=WORKER)
                    made += 1
                except StepwedgeError as error:
                    given_up.add((kind, alarm.id))
                    log.warning("alarm not reviewed", kind=kind, alarm=str(alarm.id), reason=type(error).__name__)
    return made
