"""What endpoints work with; made once by create_app, found through the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from service.config import Settings
from service.gateway.admit import Admission
from service.gateway.audit import AuditLog
from service.gateway.callers import Callers
from service.gateway.database import Database
from service.gateway.fleet import Fleet
from service.gateway.inbox import Inbox
from service.gateway.inbox_metrics import InboxMetrics
from service.gateway.journal import Journal
from service.gateway.last_known import LastKnown
from service.gateway.ledger import Ledger
from service.gateway.pace import Pace
from service.gateway.path import Gateway
from service.gateway.queue import Queue
from service.gateway.refuse import RefusalLog
from service.gateway.versions import Versions
from service.results.fetch import Reports


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one gateway process.

    pages: links of their own for people who look: a report of a year takes seconds, and nothing else may wait for that.
    """

    settings: Settings
    registry: CollectorRegistry
    ledger: Ledger
    admission: Admission
    callers: Callers
    pace: Pace
    audit: AuditLog
    database: Database
    pages: Database
    fleet: Fleet
    last_known: LastKnown
    refusals: RefusalLog
    gateway: Gateway
    versions: Versions
    reports: Reports
    inbox: Inbox
    inbox_metrics: InboxMetrics
    queue: Queue
    journal: Journal
    key: bytes


async def service_of(request: Request) -> Service:
    """Async, though it waits for nothing: FastAPI would give a plain function a thread."""
    service = request.app.state.service
    if not isinstance(service, Service):
        raise TypeError
    return service


Served = Annotated[Service, Depends(service_of)]
