"""Housekeeping: what belongs into the audit log after each pass, and what was answered during an erasure; once a day retention, and the log's head to where logs are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from logging import INFO, WARNING

import structlog
from sqlalchemy import Engine

from service.config import Settings
from service.store.audit import WORKER, head_of
from service.store.audit_checks import check_next
from service.store.erase import sweep_late
from service.store.kept import forget_instances, sweep_objects
from service.store.retention import drop_predictions, drop_refusals, drop_waiting_labels
from service.store.unaudited import audit_alarms
from service.worker.archive import always, archived_first, forget_erased, has_parquet

log = structlog.get_logger(__name__)

WAITING_DAYS = 90
"""A label whose film did not come for so long was meant for another place."""

CHECKED_ROWS = 200_000
"""Rows of the audit log that are followed a day, a few seconds' work; from the beginning again once the end was reached."""

LATE = timedelta(hours=2)
"""Erasures of so long ago are looked at again after each pass: what was being answered meanwhile is recorded by then."""


@dataclass(slots=True)
class Housekeeping:
    """Remembers the day on which it last did its daily work; a worker that starts does it at once."""

    engine: Engine
    settings: Settings
    done: date | None = None

    def keep(self, at: datetime) -> None:
        """After a pass."""
        with self.engine.begin() as connection:
            audit_alarms(connection, at)
        with self.engine.begin() as connection:
            late = sweep_late(connection, at - LATE)
        if late:
            log.info("erased late", rows=late)
        with self.engine.begin() as connection:
            sweep_objects(connection, self.settings.object_folder, at)
        if self.done != at.date():
            self.keep_daily(at)
            self.done = at.date()

    def keep_daily(self, at: datetime) -> None:
        """Once a day. The head in a log that is shipped elsewhere is what a chain that was written anew cannot match."""
        predictions, refusals = self.settings.keep_predictions_days, self.settings.keep_refusals_days
        if predictions is not None:
            may_go = archived_first(self.engine, self.settings) if self.settings.archive else always
            months = drop_predictions(self.engine, at - timedelta(days=predictions), at=at, may_go=may_go)
            log.info("retention", table="predictions", months=len(months))
        if refusals is not None:
            rows = drop_refusals(self.engine, at - timedelta(days=refusals), at=at)
            log.info("retention", table="refusals", rows=rows)
        waited = drop_waiting_labels(self.engine, at - timedelta(days=WAITING_DAYS), at=at)
        log.info("retention", table="waiting_labels", rows=waited)
        if has_parquet():
            forget_erased(self.engine, self.settings, at)
        with self.engine.begin() as connection:
            forget_instances(connection, at - timedelta(days=self.settings.keep_instances_days))
        with self.engine.begin() as connection:
            found = check_next(connection, at, WORKER, CHECKED_ROWS)
            log.log(
                WARNING if found.broken else INFO,
                "audit chain",
                first=found.first,
                last=found.last,
                broken=found.broken,
                reason=found.reason,
            )
        with self.engine.connect() as connection:
            log.info("audit head", head=str(head_of(connection)), day=at.date().isoformat())
