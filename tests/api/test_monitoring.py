"""What the worker found can be read, narrowed, and is never older than it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine

from detectors.measurement import Interval, Measurement, Verdict
from service.domain import Alarm, Carrier
from service.store.alarms import clear_alarm, open_alarm
from service.store.ids import uuid7
from service.store.measurements import save_measurements
from service.store.models import champion
from service.store.references import save_reference
from service.store.remedies import Remedy, open_remedy
from service.store.snapshots import save_series, save_snapshot
from service.worker.snapshot import SeriesReading, Snapshot, pack_series
from tests.api.readings import reference as a_reference

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
CARRIER = Carrier("acquisition/north", "acquisition", "site=north", "ManufacturerModelName", "", "other", "up", 0.01, 0.4, 40, 1.7)


def make_alarm(version: int, reference: int, *, family: str = "inputs", days: int = 0) -> Alarm:
    at = MONDAY + timedelta(days=days)
    return Alarm(uuid7(at), version, reference, "acquisition", family, "site=north", at, at, None, 1.7, "A scanner is new.", (CARRIER,))


def make_measurement(name: str, *, cell: str = "all", value: float | None = 0.9) -> Measurement:
    interval = None if value is None else Interval(value - 0.05, value + 0.05)
    verdict, reason = (Verdict.INSUFFICIENT, "too few positives") if value is None else (Verdict.WITHIN, "")
    return Measurement(
        name=name,
        value=value,
        n=412,
        interval=interval,
        limit=0.85,
        verdict=verdict,
        reason=reason,
        cell=cell,
        finding="opacity",
        feature="",
    )


@pytest.fixture
def reference(client: httpx.Client, engine: Engine) -> tuple[int, int]:
    """Version and reference of the model that is served."""
    with engine.begin() as connection:
        version = champion(connection, "chest").id
        stored = save_reference(connection, version, since=MONDAY, until=MONDAY, built_at=MONDAY, payload=a_reference().to_bytes())
    return version, stored.id


def test_before_anything_was_measured_there_is_nothing_and_that_is_no_error(client: httpx.Client) -> None:
    assert client.get("/v1/models/chest/measurements").json() == {
        "model": "chest",
        "version": "1",
        "as_of": None,
        "strata": {},
        "measurements": [],
    }
    assert client.get("/v1/models/chest/alarms").json() == client.get("/v1/models/chest/remedies").json() == []


def test_the_last_reading_is_told_with_its_day_and_can_be_narrowed(
    client: httpx.Client, engine: Engine, reference: tuple[int, int]
) -> None:
    older, newer = date(2026, 3, 1), date(2026, 3, 2)
    with engine.begin() as connection:
        save_measurements(connection, reference[1], older, {30: [make_measurement("auroc", value=0.5)]})
        readings = [make_measurement("auroc"), make_measurement("auroc", cell="site=north", value=None), make_measurement("brier")]
        save_measurements(connection, reference[1], newer, {7: readings[:1], 30: readings})

    def ask(**filters: object) -> list[dict[str, object]]:
        body = client.get("/v1/models/chest/measurements", params=filters).json()  # type: ignore[arg-type] # plain values
        assert body["as_of"] == "2026-03-02"
        found: list[dict[str, object]] = body["measurements"]
        return found

    assert len(ask()) == 4
    assert [one["window_days"] for one in ask(name="auroc", subgroup="all")] == [7, 30]
    (north,) = ask(subgroup="site=north", finding="opacity", window=30)
    assert north == {
        "name": "auroc",
        "finding": "opacity",
        "feature": "",
        "subgroup": "site=north",
        "window_days": 30,
        "as_of": "2026-03-02",
        "films_until": "2026-02-16",
        "value": None,
        "n": 412,
        "low": None,
        "high": None,
        "limit": 0.85,
        "verdict": "insufficient",
        "reason": "too few positives",
    }


def test_every_series_is_told_strongest_first_and_can_be_narrowed(client: httpx.Client, engine: Engine, reference: tuple[int, int]) -> None:
    assert client.get("/v1/models/chest/series").json() == {"model": "chest", "version": "1", "judged_until": None, "series": []}
    quiet = SeriesReading("image", "image:all:noise:missing", "noise", "", "all", "missing", 0.01, None, 0.1, 0.05, 0.2)
    loud = replace(quiet, family="score", series="score:all:opacity:flagged", feature="", finding="opacity", evidence=1.7, rate=0.4)
    snapshot = Snapshot(reference[1], MONDAY, {}, 2, (loud,), (), {}, {})
    with engine.begin() as connection:
        save_snapshot(connection, reference[0], until=MONDAY, computed_at=MONDAY, payload=snapshot.to_json())
        save_series(connection, reference[1], pack_series([quiet, loud]))

    def ask(**filters: object) -> list[str]:
        body = client.get("/v1/models/chest/series", params=filters).json()  # type: ignore[arg-type] # plain values
        assert body["judged_until"] == "2026-03-02T00:00:00Z"
        return [one["series"] for one in body["series"]]

    assert ask() == [loud.series, quiet.series]
    assert ask(evidence=1) == ask(family="score") == ask(finding="opacity", subgroup="all") == [loud.series]
    assert ask(feature="noise") == [quiet.series]
    assert ask(subgroup="site=north") == []


def test_alarms_are_told_latest_first_with_what_carries_them(client: httpx.Client, engine: Engine, reference: tuple[int, int]) -> None:
    first, second = make_alarm(*reference), make_alarm(*reference, family="truth", days=3)
    with engine.begin() as connection:
        assert open_alarm(connection, first)
        assert open_alarm(connection, second)
        clear_alarm(connection, first.id, MONDAY + timedelta(days=5))
    told = client.get("/v1/models/chest/alarms").json()
    assert [alarm["id"] for alarm in told] == [str(second.id), str(first.id)]
    assert (told[0]["subgroup"], told[0]["cleared_at"], told[1]["cleared_at"]) == ("site=north", None, "2026-03-07T00:00:00Z")
    assert told[0]["carriers"][0]["feature"] == "ManufacturerModelName"
    assert told[0]["carriers"][0]["evidence"] == 1.7
    for is_open, alarm in ((True, second), (False, first)):
        assert [one["id"] for one in client.get("/v1/models/chest/alarms", params={"open": is_open}).json()] == [str(alarm.id)]


def test_remedies_name_the_alarm_that_asked_for_them(client: httpx.Client, engine: Engine, reference: tuple[int, int]) -> None:
    alarm = make_alarm(*reference)
    remedy = Remedy(uuid4(), alarm.id, "recalibrate", "proposed", MONDAY)
    with engine.begin() as connection:
        open_alarm(connection, alarm)
        assert open_remedy(connection, remedy)
    (told,) = client.get("/v1/models/chest/remedies").json()
    assert (told["alarm"], told["action"], told["state"]) == (str(alarm.id), "recalibrate", "proposed")
