"""Replay: an alarm comes out of the stored days again, bit for bit; what was tampered with shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import update

from service.store.tables import alarms
from service.worker.replay import replay_alarm
from tests.worker.conftest import run_every
from tests.worker.hospital import QUIET_DAYS, REFERENCE_DAYS, Stream, day, send_days

SHIFT = REFERENCE_DAYS + QUIET_DAYS


def alarmed(engine, version):
    send_days(engine, version, SHIFT, 5, Stream(scanner="Gamma", kvp=9.0))
    (opened,) = (one for report in run_every(engine, timedelta(days=1), day(SHIFT + 1), day(SHIFT + 5)) for one in report.opened)
    return opened


def replayed(engine, alarm):
    with engine.connect() as connection:
        found = replay_alarm(connection, alarm)
    assert found is not None
    return found


def test_an_alarm_and_the_series_that_came_later_come_out_the_same(settled, version):
    opened = alarmed(settled, version)
    found = replayed(settled, opened)
    assert found.differing == ()
    assert found.again == replace(found.alarm, carriers=tuple(replace(one, examples=()) for one in found.alarm.carriers))
    assert found.days == QUIET_DAYS + 2


def test_what_was_changed_by_hand_differs(settled, version):
    opened = alarmed(settled, version)
    with settled.begin() as connection:
        connection.execute(update(alarms).values(evidence=99.0, kind="prevalence"))
    assert replayed(settled, opened).differing == ("kind", "evidence")


def test_an_unknown_alarm_is_none(settled):
    with settled.connect() as connection:
        assert replay_alarm(connection, uuid4()) is None
