"""Housekeeping: what belongs into the audit log after each pass, and once a day the log's head to where logs are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import structlog
from sqlalchemy import Engine

from service.config import Settings
from service.store.audit import head_of
from service.store.unaudited import audit_alarms

log = structlog.get_logger(__name__)


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
        if self.done != at.date():
            self.keep_daily(at)
            self.done = at.date()

    def keep_daily(self, at: datetime) -> None:
        """Once a day. The head in a log that is shipped elsewhere is what a chain that was written anew cannot match."""
        with self.engine.connect() as connection:
            log.info("audit head", head=str(head_of(connection)), day=at.date().isoformat())
