"""Canary: while a challenger answers whole sites, what the champion no longer sees is no alarm; what lasts beyond its end is one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from service.domain import Alarm, ModelVersion
from service.store.alarms import alarms_of
from service.store.canaries import Canary, begin_canary, end_canary
from service.store.models import register
from service.worker.alarm import SETTLES
from tests.remedies.builders import make_remedy
from tests.worker.conftest import run
from tests.worker.hospital import QUIET_DAYS, QUIET_END, REFERENCE_DAYS, Stream, day, make_manifest, send_days
from tests.worker.test_export import read, samples

BEGINS = REFERENCE_DAYS + QUIET_DAYS
ENDS = BEGINS + 4
WITHOUT_SOUTH = Stream(silent="south")


def begin(engine: Engine, share: float = 0.0, sites: tuple[str, ...] = ()) -> None:
    """A challenger of the hospital's model answers a part since BEGINS."""
    remedy = make_remedy(engine, at=QUIET_END).id
    with engine.begin() as connection:
        second = register(
            connection,
            model="chest",
            version="2",
            manifest=make_manifest(version="2"),
            artifact_sha256="2" * 64,
            package="models/chest/2",
            at=QUIET_END,
            state="shadow",
        )
        begin_canary(connection, Canary("chest", second.id, remedy, share, sites, day(BEGINS), "owner", "seen at work first"))


def end(engine: Engine, at: datetime) -> None:
    with engine.begin() as connection:
        assert end_canary(connection, "chest", at=at, actor="owner", reason="enough seen") is not None


def opened(engine: Engine, version: ModelVersion) -> list[Alarm]:
    """Alarms that opened since; that of the remedy is older."""
    with engine.connect() as connection:
        return [one for one in alarms_of(connection, version.id) if one.opened_at > QUIET_END]


def test_a_site_that_the_challenger_answers_is_neither_silent_nor_a_shift_of_the_rest_and_labels_are_judged_as_ever(
    settled: Engine, version: ModelVersion
) -> None:
    begin(settled, sites=("south",))
    send_days(settled, version, BEGINS, 4, Stream(silent="south", hidden=0.9))
    end(settled, day(ENDS))
    send_days(settled, version, ENDS, 8)
    run(settled, day(ENDS + 8))
    assert [one.family for one in opened(settled, version)] == ["truth"]


def test_a_site_that_does_not_come_back_when_the_challenger_has_ended_is_an_alarm(settled: Engine, version: ModelVersion) -> None:
    begin(settled, sites=("south",))
    end(settled, day(ENDS))
    send_days(settled, version, BEGINS, ENDS + SETTLES + 2 - BEGINS, WITHOUT_SOUTH)
    run(settled, day(ENDS + SETTLES + 2))
    (alarm,) = opened(settled, version)
    assert (alarm.family, alarm.cell, alarm.since) == ("silence", "site=south", day(BEGINS))
    assert alarm.opened_at == day(ENDS + SETTLES + 1)


def test_a_share_of_patients_leaves_every_site_in_sight(settled: Engine, version: ModelVersion) -> None:
    begin(settled, share=0.1)
    send_days(settled, version, BEGINS, 3, WITHOUT_SOUTH)
    run(settled, day(BEGINS + 3))
    (sample,) = samples(read(settled), "stepwedge_canary")
    assert (sample.labels, sample.value) == ({"model": "chest", "version": "1", "challenger": "2"}, 1)
    end(settled, day(BEGINS + 3))
    (sample,) = samples(read(settled), "stepwedge_canary")
    assert (sample.labels, sample.value) == ({"model": "chest", "version": "1", "challenger": ""}, 0)
    assert [one.family for one in opened(settled, version)] == ["silence"]
