"""Every device that sends films is in the register a moment later, and the register fills neither memory nor table."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, text

from service.gateway.database import Database
from service.gateway.devices import OTHERS, DeviceRegister
from service.gateway.notices import Notices
from service.store.devices import KnownDevice, devices_of
from service.store.engine import open_engine
from tests.store.builders import AT, make_version

SCANNER: dict[str, str | None] = {
    "Manufacturer": "ACME",
    "ManufacturerModelName": "RADIANT 5",
    "SoftwareVersions": "3.1",
    "StationName": "9f2c",
}


async def watch(engine: Engine, films: list[dict[str, str | None]], *, most: int = 100, registry: CollectorRegistry | None = None) -> None:
    """Let films come an hour apart."""
    database = Database(engine, links=1)
    register = DeviceRegister(database, Notices(registry or CollectorRegistry()), most=most)
    for number, film in enumerate(films):
        register.see("chest", "main", SCANNER | film, AT + timedelta(hours=number))
    await register.close()
    await database.close()


def known(engine: Engine) -> list[KnownDevice]:
    with engine.connect() as connection:
        return devices_of(connection, "chest", 1000)


def test_a_device_is_one_row_with_its_first_and_last_film(engine: Engine) -> None:
    asyncio.run(watch(engine, [{}, {}]))
    asyncio.run(watch(engine, [{}]))
    (device,) = known(engine)
    assert (device.sighting.first_seen, device.sighting.last_seen, device.sighting.films) == (AT, AT + timedelta(hours=1), 3)
    assert device.in_reference is None


def test_another_maker_model_software_or_station_is_another_device(engine: Engine) -> None:
    changes: list[dict[str, str | None]] = [{name: "OTHER"} for name in SCANNER]
    asyncio.run(watch(engine, [{}, *changes, {"StationName": None}]))
    assert len(known(engine)) == 6
    assert known(engine)[0].sighting.device.station == "", "the newest comes first, and what is not said is empty"


def test_made_up_devices_are_one(engine: Engine) -> None:
    asyncio.run(watch(engine, [{"StationName": str(number)} for number in range(50)], most=10))
    devices = known(engine)
    assert len(devices) == 11
    assert sum(one.sighting.films for one in devices) == 50
    assert OTHERS in {one.sighting.device.manufacturer for one in devices}


def reference(engine: Engine, until: datetime) -> None:
    version = make_version(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into reference_versions (model_version, since, until, built_at, payload, state) "
                "values (:version, :until, :until, :until, '', 'active')"
            ),
            {"version": version.id, "until": until},
        )


def test_a_device_that_came_after_the_reference_is_new_for_a_day(engine: Engine) -> None:
    registry = CollectorRegistry()
    asyncio.run(watch(engine, [{}]))
    reference(engine, AT + timedelta(minutes=30))
    asyncio.run(watch(engine, [{}, {"SoftwareVersions": "3.2"}], registry=registry))
    assert [one.in_reference for one in known(engine)] == [False, True]
    assert registry.get_sample_value("stepwedge_new_devices", {"model": "chest"}) == 0, "it was new long ago"
    with engine.begin() as connection:
        connection.execute(text("update devices set first_seen = :now where software = '3.2'"), {"now": datetime.now(UTC)})
    asyncio.run(watch(engine, [{}], registry=(again := CollectorRegistry())))
    assert again.get_sample_value("stepwedge_new_devices", {"model": "chest"}) == 1


def test_without_a_reference_nothing_is_called_new(engine: Engine) -> None:
    make_version(engine)
    registry = CollectorRegistry()
    asyncio.run(watch(engine, [{}], registry=registry))
    assert registry.get_sample_value("stepwedge_new_devices", {"model": "chest"}) is None


def test_a_database_that_is_away_loses_no_device(engine: Engine) -> None:
    async def story() -> None:
        away = open_engine("postgresql://nobody@127.0.0.1:1/none")
        database = Database(away, links=1)
        register = DeviceRegister(database, Notices(CollectorRegistry()))
        register.see("chest", "main", SCANNER, AT)
        await asyncio.sleep(1.2)
        register._database = back = Database(engine, links=1)
        await register.close()
        for one in (database, back):
            await one.close()
        away.dispose()

    asyncio.run(story())
    assert [one.sighting.films for one in known(engine)] == [1]
