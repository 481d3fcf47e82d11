"""Fetch: the report of a prediction for whoever asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from service.gateway.database import Database
from service.results.archive import Archive, present
from service.results.renderer import Renderer


@dataclass(frozen=True, slots=True)
class Reports:
    """Finds what a report is made from, and has it made."""

    database: Database
    archive: Archive
    renderer: Renderer

    async def fetch(self, prediction: UUID) -> bytes:
        """The report as a part 10 file.

        Raises:
            UnknownPredictionError, NoReportError, ReportGoneError: There is none.
            BusyError, UnavailableError: It cannot be made now.
        """
        subject = await self.database.run(lambda connection: self.archive.find(connection, prediction, present()))
        return await self.renderer.render(subject)
