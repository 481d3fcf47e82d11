"""Act: beside the worker's passes, what people approved is carried out, and what nobody decided on in time expires.

Each step is one transaction that finds the remedy where it left it, so a worker that dies anywhere leaves it to the next one, and any
number of workers do it once. Fits are computed outside; only their result is written under the remedy's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.config import Settings
from service.errors import StepwedgeError
from service.remedies.bundle import bundle_new
from service.remedies.cases import write_cases
from service.remedies.command import deliver_by_command
from service.remedies.confirm_reference import confirm_references
from service.remedies.derive import NAMES, carry_out, fit
from service.remedies.handover import hand_over, note_stuck
from service.remedies.plan import plan_of
from service.remedies.rung import next_rung
from service.store.audit import WORKER
from service.store.locks import session_lock
from service.store.models import version_by_id
from service.store.remedies import Remedy, State, remedies_in
from service.store.remedy_steps import Step, move

LOOK_S: Final = 5.0

log = structlog.get_logger(__name__)


def act_until(engine: Engine, settings: Settings, stop: Event, now: Callable[[], datetime]) -> None:
    """Look what is to be done, again and again, until the event is set."""
    while not stop.wait(min(LOOK_S, settings.worker_interval_s)):
        try:
            act(engine, now(), settings.object_folder)
            bundle_new(engine, settings, now())
            deliver_by_command(engine, settings, now)
        except SQLAlchemyError as error:
            log.warning("remedies not read", error=type(error).__name__)


def act(engine: Engine, at: datetime, objects: str | None = None) -> dict[str, State]:
    """Carry out what is approved; remedy -> where it is now. One worker at a time, and what goes wrong with one leaves the others alone.

    objects: the object folder, where the manifest of cases of a retraining is written; without one whoever retrains gets none.
    """
    outcomes: dict[str, State] = {}
    with engine.connect() as lock, session_lock(lock, "remedies") as held:
        if not held:
            return outcomes
        expire_old(engine, at)
        with engine.connect() as connection:
            approved = remedies_in(connection, State.APPROVED)
        for remedy in approved:
            try:
                outcomes[str(remedy.id)] = carry(engine, remedy, at, objects)
            except StepwedgeError as error:
                log.warning("remedy not carried out", remedy=str(remedy.id), reason=type(error).__name__)
        confirm_references(engine, at)
        with engine.begin() as connection:
            note_stuck(connection, at)
    return outcomes


def carry(engine: Engine, remedy: Remedy, at: datetime, objects: str | None = None) -> State:
    """Carry one approved remedy out."""
    if remedy.action not in NAMES:
        with engine.begin() as connection:
            return hand_over(connection, remedy.id, at, None if objects is None else cases_of(connection, remedy, at, objects))
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        found = fit(connection, remedy, at)
    with engine.begin() as connection:
        state = carry_out(connection, found, at)
        if state is State.FAILED:
            next_rung(connection, remedy, at)
    return state


def cases_of(connection: Connection, remedy: Remedy, at: datetime, objects: str) -> Mapping[str, Any] | None:
    """The manifest of the labelled films that the plan lets a retraining see."""
    if remedy.model_version is None:
        return None
    return write_cases(connection, objects, version_by_id(connection, remedy.model_version), at, plan_of(remedy).label_days).to_json()


def expire_old(engine: Engine, at: datetime) -> None:
    """Proposals that nobody decided on in the time that their plan gives are over."""
    with engine.begin() as connection:
        for remedy in remedies_in(connection, State.PROPOSED):
            days = plan_of(remedy).expires_days
            if at - remedy.proposed_at > timedelta(days=days):
                move(connection, Step(remedy.id, State.EXPIRED, at, WORKER, f"nobody decided in {days} days"))
