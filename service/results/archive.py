"""Archive: what reports are made from, found in the store and opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from service.errors import NoReportError, ReportGoneError
from service.gateway.seal import Sealer
from service.gateway.versions import Versions
from service.results.subject import Subject
from service.store.predictions import find_prediction
from service.store.sealed import find_sealed

OFF = "Reports are switched off here: STEPWEDGE_REPORT_DAYS is 0, so nothing is kept of whom a film shows."


@dataclass(frozen=True, slots=True)
class Archive:
    """Finds subjects. days: for how long sealed headers are kept; sealer: None where nothing is sealed."""

    versions: Versions
    sealer: Sealer | None
    days: int

    def find(self, connection: Connection, prediction: UUID, now: datetime) -> Subject:
        """The subject of a report on a prediction.

        Raises:
            UnknownPredictionError: There is no such prediction.
            NoReportError: Reports are switched off, or the film did not name itself and its study.
            ReportGoneError: What it must repeat was kept once, and is not any more.
        """
        found = find_prediction(connection, prediction)
        if self.sealer is None:
            raise NoReportError(OFF)
        kept_since = now - timedelta(days=self.days)
        sealed = find_sealed(connection, prediction, kept_since)
        if sealed is None and found.received_at < kept_since:
            raise ReportGoneError(f"What a report must repeat of the film is kept for {self.days} days, and these are over.")
        if sealed is None:
            raise NoReportError("The film did not say what it is and to which study it belongs, so no report can refer to it.")
        header = self.sealer.open(prediction, sealed)
        return Subject(found, self.versions.manifest_of(connection, found.model_version), header)


def present() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)
