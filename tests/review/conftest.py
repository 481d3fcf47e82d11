"""A small hospital with an alarm: a scanner was exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from service.config import Settings
from service.domain import Alarm, Carrier
from service.store.alarms import open_alarm
from service.store.engine import open_engine
from service.store.ids import derived_id, uuid7_floor
from service.store.references import active_reference
from service.worker.reference import build_reference
from tests import postgres
from tests.api.serving import make_settings
from tests.worker import hospital
from tests.worker.hospital import FIRST, REFERENCE_END, Stream, day

WINDOW = 4


def make_alarm(engine: Engine, model_version: int, *, cell: str = "all", family: str = "inputs") -> Alarm:
    """An alarm that was opened four days after the reference's end, as a pass would have stored it."""
    with engine.connect() as connection:
        reference = active_reference(connection, model_version)
    assert reference is not None
    carrier = Carrier("acquisition:all:KVP:from 120", "acquisition", "all", "KVP", "", "from 120", "high", 0.1, 0.5, 120, 4.0)
    at = day(hospital.REFERENCE_DAYS + WINDOW)
    return Alarm(
        id=derived_id(uuid7_floor(at), f"alarm {cell} {family}"),
        model_version=model_version,
        reference=reference.id,
        kind="acquisition",
        family=family,
        cell=cell,
        opened_at=at,
        since=at - timedelta(days=WINDOW),
        cleared_at=None,
        evidence=4.0,
        summary="acquisition shift in all: KVP from 120: 10.0 % -> 50.0 % of 120",
        carriers=(carrier,),
    )


@pytest.fixture(scope="session")
def shifted_template(server_url: str, migrated_template: str) -> Iterator[str]:
    with postgres.database(server_url, migrated_template) as url:
        engine = open_engine(url)
        version = hospital.make_version(engine)
        hospital.send_days(engine, version, 0, hospital.REFERENCE_DAYS)
        build_reference(engine, version, FIRST, REFERENCE_END, at=REFERENCE_END)
        hospital.send_days(engine, version, hospital.REFERENCE_DAYS, WINDOW, Stream(scanner="Gamma", kvp=10.0))
        alarm = make_alarm(engine, version.id)
        with engine.begin() as connection:
            open_alarm(connection, alarm)
        engine.dispose()
        yield make_url(url).database or ""


@pytest.fixture
def shifted_url(server_url: str, shifted_template: str) -> Iterator[str]:
    """The hospital in a database of its own."""
    with postgres.database(server_url, shifted_template) as url:
        yield url


@pytest.fixture
def shifted(shifted_url: str) -> Iterator[Engine]:
    engine = open_engine(shifted_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(shifted_url: str, tmp_path: Path) -> Settings:
    return make_settings(shifted_url, tmp_path, alibi_licence="evaluation")
