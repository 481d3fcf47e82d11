"""Push: the report of each prediction goes to the PACS, whenever that can be reached while the report can be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random, SystemRandom
from threading import Event
from typing import Final

import httpx
import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.errors import NoReportError, ReportError, ReportGoneError, UnavailableError, UnknownPredictionError
from service.results.archive import Archive, present
from service.results.renderer import Renderer
from service.results.stow import FOR_DAYS, Pacs, store
from service.store import outbox
from service.worker.attempt import Trouble, attempt_next

PAUSE_S: Final = 1.0
LONGEST_RETRY_S: Final = 600.0
HOPELESS: Final = 0

log = structlog.get_logger(__name__)


class PushMetrics:
    """Declared once a process, in the registry that is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pushed = Counter("stepwedge_reports_pushed", "Reports that the PACS has taken.", registry=registry)
        self.failed = Counter("stepwedge_report_tries_failed", "Tries to push a report that failed.", registry=registry)


@dataclass(frozen=True, slots=True)
class Pusher:
    """Sends what is due. Any number of gateways may: a row is one's alone while it is sent, and twice the same object is one object."""

    engine: Engine
    archive: Archive
    renderer: Renderer
    pacs: Pacs
    metrics: PushMetrics
    now: Callable[[], datetime] = present

    def push_until(self, stop: Event) -> None:
        """Push what is due, again and again; a store that is away is waited for."""
        draw = SystemRandom()
        with self.pacs.client() as client:
            while not stop.wait(PAUSE_S):
                try:
                    self.push_due(client, draw, stop)
                except SQLAlchemyError as error:
                    log.warning("reports not read", error=type(error).__name__)

    def push_due(self, client: httpx.Client, draw: Random, stop: Event | None = None) -> int:
        """Push what is due until nothing is, or the PACS is away: the others would fail as well. How many were taken."""

        def send(connection: Connection, message: outbox.Message) -> Trouble | None:
            return self.send(client, connection, message)

        taken = 0
        while stop is None or not stop.is_set():
            attempt = attempt_next(self.engine, outbox.Kind.REPORT, send, self.now, draw, longest_s=LONGEST_RETRY_S, keep=False)
            if attempt is None:
                break
            if attempt.trouble is not None:
                self.metrics.failed.inc()
                log.warning("report not pushed", reason=attempt.trouble.reason, tries=attempt.tries)
                if attempt.trouble.tries == FOR_DAYS:
                    break
            else:
                self.metrics.pushed.inc()
                taken += 1
        return taken

    def send(self, client: httpx.Client, connection: Connection, message: outbox.Message) -> Trouble | None:
        """Make and store one report. One that can never be made is given up at once."""
        if message.prediction is None:
            return Trouble("no prediction", HOPELESS)
        try:
            subject = self.archive.find(connection, message.prediction, self.now())
            return store(client, self.pacs, self.renderer.make(subject))
        except UnavailableError as error:
            return Trouble(type(error).__name__, FOR_DAYS)
        except (NoReportError, ReportError, ReportGoneError, UnknownPredictionError) as error:
            return Trouble(type(error).__name__, HOPELESS)
