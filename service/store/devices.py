"""Devices: which scanner, of which make and software, sent films to which model from which site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from service.store.drivers import driver_cursor
from service.store.tables import devices, model_versions, reference_versions


@dataclass(frozen=True, slots=True)
class Device:
    """What tells one device from another; empty where its films do not say. `station` is a keyed pseudonym."""

    model: str
    site: str
    manufacturer: str
    device_model: str
    software: str
    station: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """Films of one device, and when the first and the last of them came."""

    device: Device
    first_seen: datetime
    last_seen: datetime
    films: int


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A sighting over all time. in_reference: it sent films before the end of the model's reference; None while there is no reference."""

    sighting: Sighting
    in_reference: bool | None


# In the order of the key, so that no two gateways wait in a circle.
SEE = """
insert into devices (model, site, manufacturer, device_model, software, station, first_seen, last_seen, films)
select * from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[], %b::int8[])
order by 1, 2, 3, 4, 5, 6
on conflict (model, site, manufacturer, device_model, software, station) do update set
    first_seen = least(devices.first_seen, excluded.first_seen),
    last_seen = greatest(devices.last_seen, excluded.last_seen),
    films = devices.films + excluded.films
"""

IN_SERVICE = and_(model_versions.c.model == devices.c.model, model_versions.c.state == "champion")
REFERENCE = and_(reference_versions.c.model_version == model_versions.c.id, reference_versions.c.state == "active")


def record_sightings(connection: Connection, sightings: Sequence[Sighting]) -> None:
    """Add films to the register. A transaction that is repeated because its end was lost may count its films twice."""
    if not sightings:
        return
    rows = [(*astuple(one.device), one.first_seen, one.last_seen, one.films) for one in sightings]
    with driver_cursor(connection) as cursor:
        cursor.execute(SEE, [list(column) for column in zip(*rows, strict=True)])


def devices_of(connection: Connection, model: str, limit: int) -> list[KnownDevice]:
    """The devices of a model, the one that was seen first last."""
    query = (
        select(devices, (devices.c.first_seen < reference_versions.c.until).label("in_reference"))
        .select_from(devices.outerjoin(model_versions, IN_SERVICE).outerjoin(reference_versions, REFERENCE))
        .where(devices.c.model == model)
        .order_by(devices.c.first_seen.desc(), *devices.primary_key.columns)
        .limit(limit)
    )
    return [_known(row._asdict()) for row in connection.execute(query)]


def new_devices(connection: Connection, since: datetime) -> dict[str, int]:
    """Model -> devices first seen since then and after its reference, for every model in service that has a reference."""
    recent = and_(
        devices.c.model == model_versions.c.model, devices.c.first_seen >= since, devices.c.first_seen >= reference_versions.c.until
    )
    query = (
        select(model_versions.c.model, func.count(devices.c.model).label("new"))
        .select_from(model_versions.join(reference_versions, REFERENCE).outerjoin(devices, recent))
        .where(model_versions.c.state == "champion")
        .group_by(model_versions.c.model)
    )
    return {row.model: row.new for row in connection.execute(query)}


def _known(row: dict[str, object]) -> KnownDevice:
    in_reference, first, last, films = (row.pop(name) for name in ("in_reference", "first_seen", "last_seen", "films"))
    return KnownDevice(Sighting(Device(**row), first, last, films), in_reference)  # type: ignore[arg-type] # the columns, by their names
