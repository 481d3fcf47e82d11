"""Silence: a site or a whole stream that stops sending is an alarm within days, and none any more once it sends again."""

from __future__ import annotations

from datetime import timedelta

from service.store.alarms import alarms_of
from service.worker.replay import replay_alarm
from tests.worker.conftest import run, run_every
from tests.worker.hospital import QUIET_DAYS, REFERENCE_DAYS, Stream, day, send_days

STOPS = REFERENCE_DAYS + QUIET_DAYS


def alarms(engine, version):
    with engine.connect() as connection:
        return alarms_of(connection, version.id)


def test_a_site_whose_feed_stops_is_one_alarm_that_clears_when_it_sends_again(settled, version):
    send_days(settled, version, STOPS, 6, Stream(silent="south"))
    run_every(settled, timedelta(days=1), day(STOPS + 1), day(STOPS + 6))
    (alarm,) = alarms(settled, version)
    assert alarm.opened_at <= day(STOPS + 3)
    assert (alarm.family, alarm.cell, alarm.since, alarm.cleared_at) == ("silence", "site=south", day(STOPS), None)
    assert {"site=south", "Beta"} <= {carrier.cell if carrier.feature == "predictions" else carrier.bin for carrier in alarm.carriers}
    send_days(settled, version, STOPS + 6, 12)
    run(settled, day(STOPS + 18))
    (alarm,) = alarms(settled, version)
    assert alarm.cleared_at is not None
    assert alarm.cleared_at > day(STOPS + 6)


def test_a_stream_that_stops_altogether_is_an_alarm_though_nothing_comes_to_be_tallied(settled, version):
    run(settled, day(STOPS + 4))
    (alarm,) = alarms(settled, version)
    assert (alarm.kind, alarm.cell, alarm.since) == ("silence", "all", day(STOPS))
    assert [carrier.series for carrier in alarm.carriers] == ["silence:all:predictions:any"]


def test_an_alarm_of_silence_is_replayed_from_days_of_which_some_have_no_films(settled, version):
    (opened,) = run(settled, day(STOPS + 4)).opened
    with settled.connect() as connection:
        found = replay_alarm(connection, opened)
    assert found is not None
    assert found.differing == ()
