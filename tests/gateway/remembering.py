"""What gateways remember of Postgres, with defaults."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from service.gateway.last_known import LastKnown
from tests.store.builders import AT

SECRET = b"k" * 32
DATABASE = "postgresql://stepwedge:password@db/stepwedge"


def make_last_known(
    folder: Path = Path("/nonexistent"),
    *,
    secret: bytes = SECRET,
    database: str = DATABASE,
    hours: float = 24.0,
    registry: CollectorRegistry | None = None,
    now: Callable[[], datetime] = lambda: AT,
) -> LastKnown:
    return LastKnown(folder, secret, database, hours=hours, registry=registry or CollectorRegistry(), now=now)
