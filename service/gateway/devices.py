"""The register of devices: one that was never seen before is written down within a second of its first film."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import structlog
from sqlalchemy import Connection

from service.domain import AttributeValue
from service.errors import UnavailableError
from service.gateway.database import Database
from service.gateway.notices import Notices
from service.store.devices import Device, Sighting, new_devices, record_sightings

PAUSE_S = 0.5
COUNT_EVERY_S = 30.0
"""Films of devices that are known are added up in memory for so long; a process that is killed forgets them."""
MOST = 10_000
OTHERS = "(others)"
"""The device that stands for all beyond so many, which no hospital has: made-up names must fill neither memory nor table."""
NEW_FOR = timedelta(days=1)

log = structlog.get_logger()


class DeviceRegister:
    """Adds up in memory and writes from a task of its own: a film of a known device costs two look-ups and no wait."""

    def __init__(self, database: Database, notices: Notices, *, most: int = MOST) -> None:
        self._database = database
        self._notices = notices
        self._most = most
        self._known: set[Device] = set()
        self._waiting: dict[Device, Sighting] = {}
        self._unseen = False
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="devices")

    def see(self, model: str, site: str, attributes: Mapping[str, AttributeValue], at: datetime) -> None:
        """Count a film that was answered."""
        keywords = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "StationName")
        device = Device(model, site, *(str(attributes.get(keyword) or "") for keyword in keywords))
        if device not in self._known:
            if len(self._known) >= self._most:
                device = Device(model, site, OTHERS, "", "", "")
            self._known.add(device)
            self._unseen = True
        self._add(Sighting(device, at, at, 1))

    async def close(self) -> None:
        """Write what waits, if Postgres is there."""
        self._closing.set()
        await self._task

    def _add(self, more: Sighting) -> None:
        held = self._waiting.get(more.device)
        if held is not None:
            first, last = min(held.first_seen, more.first_seen), max(held.last_seen, more.last_seen)
            more = replace(more, first_seen=first, last_seen=last, films=held.films + more.films)
        self._waiting[more.device] = more

    async def _work(self) -> None:
        due, closing = 0.0, False
        while not closing:
            with suppress(TimeoutError):
                closing = await asyncio.wait_for(self._closing.wait(), PAUSE_S)
            if self._unseen or closing or monotonic() >= due:
                await self._write()
                due = monotonic() + COUNT_EVERY_S

    async def _write(self) -> None:
        batch, self._waiting, self._unseen = self._waiting, {}, False
        since = datetime.now(UTC) - NEW_FOR

        def work(connection: Connection) -> dict[str, int]:
            record_sightings(connection, list(batch.values()))
            return new_devices(connection, since)

        try:
            self._notices.new_devices(await self._database.run(work))
        except UnavailableError:
            for sighting in batch.values():
                self._add(sighting)
            self._unseen = bool(batch)
        except Exception as error:  # noqa: BLE001 - rows that cannot be stored must not end the task
            log.error("devices_not_stored", cause=type(error).__name__, count=len(batch))  # noqa: TRY400 - a message may quote a row
