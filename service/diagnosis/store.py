"""What the doctor asks the store: its books, its models, and what waits to be delivered."""

from __future__ import annotations

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
from service.store.server import oldest_prediction

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
