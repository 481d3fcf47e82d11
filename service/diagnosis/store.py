"""What the doctor asks the store: its books, its models and how they are watched, and what waits to be delivered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from service.config import Settings
from service.diagnosis.result import Health, Result
from service.store.audit import head_of
from service.store.ledger import ledger_counts, model_counts
from service.store.models import champions
from service.store.objects import fetch_folder
from service.store.outbox import count_messages
from service.store.references import active_reference
from service.store.server import oldest_prediction
from service.store.snapshots import champion_snapshots
from service.store.tallies import HOUR

PASSES_MISSED = 5
OLD_REFERENCE = timedelta(days=365)
"""As old as the alert StepwedgeReferenceOld allows."""
RECEIVERS = (
    "Mend what receives them (STEPWEDGE_WEBHOOK_URL, STEPWEDGE_PACS_URL); the runbook says how to send again. "
    "Remedies are also in /v1/models/MODEL/remedies, reports in /v1/predictions/ID/sr."
)


def books(_settings: Settings, connection: Connection) -> Result:
    counts = ledger_counts(connection)
    detail = f"{counts.predictions} predictions, {counts.submissions} keys, {counts.refused} refused, {counts.failed} failed"
    if counts.predictions != counts.submissions:
        return Result(
            Health.WRONG, f"the stored books do not balance: {detail}", "Rows were changed from outside; restore them from a backup."
        )
    return Result(Health.OK, detail)


def models(settings: Settings, connection: Connection) -> Result:
    found = champions(connection)
    if not found:
        return Result(Health.NOTE, "none is registered", "stepwedge register FOLDER")
    for version in found:
        with TemporaryDirectory() as folder:
            try:
                fetch_folder(settings.object_folder, version.package, Path(folder) / "package")
            except OSError:
                advice = f"Register its package again: stepwedge register FOLDER. The object folder is {settings.object_folder}."
                return Result(Health.WRONG, f"the package of {version.model} {version.version} is not in the object folder", advice)
    counts = {(each.model, each.version): each for each in model_counts(connection)}
    parts = [f"{version.model} {version.version} ({counts[version.model, version.version].predictions} predictions)" for version in found]
    return Result(Health.OK, ", ".join(parts))


def watch(settings: Settings, connection: Connection) -> Result:
    """Whether every model has a reference, and how far behind the worker is with each."""
    found = champions(connection)
    blind = [version.model for version in found if active_reference(connection, version.id) is None]
    watched = {each.model: each for each in champion_snapshots(connection)}
    if blind:
        return Result(Health.NOTE, f"without a reference: {', '.join(blind)}", "stepwedge reference build MODEL --since DATE --until DATE")
    late = timedelta(seconds=PASSES_MISSED * settings.worker_interval_s)
    stale = [
        version.model for version in found if version.model not in watched or datetime.now(UTC) - watched[version.model].computed_at > late
    ]
    if stale:
        return Result(Health.WRONG, f"no recent run for: {', '.join(stale)}", "Start a worker: stepwedge worker, or stepwedge up.")
    behind = {model: datetime.now(UTC) - each.until for model, each in watched.items()}
    slow = [f"{model} ({_hours(lag)})" for model, lag in behind.items() if lag > HOUR + timedelta(seconds=settings.hour_grace_s) + late]
    if slow and not settings.replay_clock:
        return Result(Health.WRONG, f"closed hours wait to be judged: {', '.join(slow)}", "Add workers; the log says what their passes do.")
    furthest = max(behind.items(), key=lambda one: one[1], default=None)
    said = f"{len(found)} models, all with a recent run" if found else "nothing to watch yet"
    return Result(Health.OK, said + (f"; {furthest[0]} is judged up to {_hours(furthest[1])} ago" if furthest else ""))


def _hours(span: timedelta) -> str:
    return f"{span / HOUR:.1f} h"


def references(_settings: Settings, connection: Connection) -> Result:
    """How old what each model is compared to is."""
    stored = {version.model: active_reference(connection, version.id) for version in champions(connection)}
    ages = {model: datetime.now(UTC) - one.until for model, one in stored.items() if one is not None}
    if not ages:
        return Result(Health.OK, "none is active yet")
    if old := [f"{model} ({age.days} days)" for model, age in ages.items() if age > OLD_REFERENCE]:
        advice = "Ask whether that is still how it should be; stepwedge reference propose MODEL shows what another would change."
        return Result(Health.NOTE, f"the period compared to is long ago: {', '.join(old)}", advice)
    model, age = max(ages.items(), key=lambda one: one[1])
    return Result(Health.OK, f"the oldest, of {model}, ends {age.days} days ago")


def audit(_settings: Settings, connection: Connection) -> Result:
    """The whole chain is for `stepwedge audit verify`; the head is what to note."""
    return Result(Health.OK, f"head {head_of(connection)}")


def retention(settings: Settings, connection: Connection) -> Result:
    """What is kept, for how long, and since when there are films."""
    oldest = oldest_prediction(connection)
    since = f", the oldest from {oldest:%Y-%m-%d}" if oldest else ""
    kept = {"predictions": settings.keep_predictions_days, "refusals": settings.keep_refusals_days}
    spans = [f"{name} {'for ever' if days is None else f'{days} days'}" for name, days in kept.items()]
    return Result(Health.OK, f"kept: {', '.join(spans)}{since}")


def outbox(_settings: Settings, connection: Connection) -> Result:
    counts = count_messages(connection)
    detail = "; ".join(f"{kind}: {each.pending} to deliver, {each.dead} given up" for kind, each in counts.items())
    if any(each.dead for each in counts.values()):
        return Result(Health.WRONG, detail, RECEIVERS)
    return Result(Health.OK, detail)
