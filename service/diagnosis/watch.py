"""What the doctor asks of the watch over the models: whether a worker keeps looking, how far it is behind, how old what it compares to is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from service.config import Settings
from service.diagnosis.result import Health, Result
from service.store.tallies import HOUR
from service.store.watched import watched_models

PASSES_MISSED = 5
OLD_REFERENCE = timedelta(days=365)
NAMED = 5
"""Models that are named; the others are counted."""


def watch(settings: Settings, connection: Connection) -> Result:
    """Whether every model has a reference, and how far behind the worker is with each."""
    found, now = watched_models(connection), datetime.now(UTC)
    if not found:
        return Result(Health.OK, "nothing to watch yet")
    if blind := [one.model for one in found if one.reference_until is None]:
        return Result(Health.NOTE, f"without a reference: {named(blind)}", "stepwedge reference build MODEL --since DATE --until DATE")
    late = timedelta(seconds=PASSES_MISSED * settings.worker_interval_s)
    if stale := [one.model for one in found if one.computed_at is None or now - one.computed_at > late]:
        return Result(Health.WRONG, f"no recent run for: {named(stale)}", "Start a worker: stepwedge worker, or stepwedge up.")
    behind = {one.model: now - one.until for one in found if one.until is not None}
    allowed = HOUR + timedelta(seconds=settings.hour_grace_s) + late
    slow = [f"{model} ({lag / HOUR:.1f} h)" for model, lag in behind.items() if lag > allowed]
    if slow and not settings.replay_clock:
        return Result(Health.WRONG, f"closed hours wait to be judged: {named(slow)}", "Add workers; their log says what a pass does.")
    furthest = max(behind, key=lambda model: behind[model])
    return Result(Health.OK, f"{len(found)} models, all with a recent run; {furthest} is judged up to {behind[furthest] / HOUR:.1f} h ago")


def references(_settings: Settings, connection: Connection) -> Result:
    """How old what each model is compared to is."""
    now = datetime.now(UTC)
    ages = {one.model: now - one.reference_until for one in watched_models(connection) if one.reference_until is not None}
    if not ages:
        return Result(Health.OK, "none is active yet")
    if old := [f"{model} ({age.days} days)" for model, age in ages.items() if age > OLD_REFERENCE]:
        advice = "Ask whether that is still how it should be; stepwedge reference propose MODEL shows what another would change."
        return Result(Health.NOTE, f"the period compared to is long ago: {named(old)}", advice)
    oldest = max(ages, key=lambda model: ages[model])
    return Result(Health.OK, f"the oldest, of {oldest}, ends {ages[oldest].days} days ago")


def named(models: list[str]) -> str:
    """The first of them by name, the rest by number."""
    rest = len(models) - NAMED
    return ", ".join(models[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
