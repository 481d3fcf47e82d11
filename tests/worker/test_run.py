"""A pass: the same rows and the same hour leave the same behind, however it came there."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from service.store.measurements import last_measurements
from service.store.references import active_reference
from service.store.snapshots import find_snapshot
from service.store.tables import model_versions, reference_versions
from service.worker.run import run_pass
from tests.worker.conftest import WALL, run, run_every
from tests.worker.hospital import (
    MATURITY_DAYS,
    QUIET_DAYS,
    QUIET_END,
    REFERENCE_DAYS,
    REFERENCE_END,
    Stream,
    day,
    label,
    make_version,
    send_days,
    send_film,
)
from tests.worker.left_behind import left_behind

SHIFT = REFERENCE_DAYS + QUIET_DAYS
END = day(SHIFT + 2, 3.0)
REPLACED = Stream(scanner="Gamma", kvp=9.0)


def test_hourly_daily_and_single_passes_leave_the_same_behind(quiet, settled, another, version):
    daily = another()
    for engine in (quiet, settled, daily):
        send_days(engine, version, SHIFT, 3, REPLACED)
    run_every(settled, timedelta(hours=1), day(SHIFT + 1, 20.0), END)
    run_every(daily, timedelta(days=1), day(SHIFT, 6.0), END)
    run(quiet, END)
    expected = left_behind(quiet)
    assert len(expected["alarms"]) == 1
    assert left_behind(daily) == expected
    assert left_behind(settled) == expected


def test_a_label_that_comes_late_leaves_what_it_would_have_left_in_time(settled, another, version):
    in_time = another()
    for engine in (settled, in_time):
        films = send_days(engine, version, SHIFT, 2, Stream(labelled=False))
        if engine is settled:
            run_every(engine, timedelta(days=1), day(SHIFT + 1), day(SHIFT + 9))
        for film in films:
            label(engine, film, 1.0, film.received_at)
    late, timely = (left_behind(engine) for engine in (settled, in_time) if run(engine, day(SHIFT + 10)))
    for table in ("day_tallies", "checkpoints", "alarms", "outbox"):
        assert late[table] == timely[table]
    # What was read on the days between was read without these labels, and stays as it was read.
    last = day(SHIFT + 9).date()
    assert [row for row in late["readings"] if last in row] == [row for row in timely["readings"] if last in row]


def test_a_quiet_stream_opens_no_alarm(quiet):
    assert run(quiet, QUIET_END).opened == ()


def test_a_pass_without_news_only_says_that_it_looked(settled, version):
    before = left_behind(settled)
    again = run(settled, QUIET_END + timedelta(minutes=20))
    assert again.versions[0].measured == 0
    assert (again.tallied, again.judged) == ((), ())
    assert left_behind(settled) == before


def test_looking_without_news_makes_the_run_young_again(settled, version):
    later = WALL + timedelta(minutes=1)
    run_pass(settled, QUIET_END, now=lambda: later)
    with settled.connect() as connection:
        stored = find_snapshot(connection, version.id)
    assert stored is not None
    assert stored.computed_at == later


def test_a_pass_whose_clock_is_behind_takes_nothing_back(settled, version):
    before = left_behind(settled)
    run(settled, QUIET_END - timedelta(hours=5))
    assert left_behind(settled) == before


def test_an_hour_is_not_over_before_its_grace_is(settled, version):
    send_film(settled, version, QUIET_END + timedelta(minutes=30))
    grace = timedelta(minutes=5)
    assert run(settled, QUIET_END + timedelta(minutes=64), grace=grace).tallied == ()
    assert run(settled, QUIET_END + timedelta(minutes=65), grace=grace).tallied == (QUIET_END,)


def test_a_model_without_a_reference_is_not_watched_and_says_so(settled, version):
    make_version(settled, "knee")
    report = run(settled, QUIET_END)
    assert report.unwatched == ("knee",)
    assert [one.model for one in report.versions] == ["chest"]


def test_a_model_that_fails_does_not_stop_the_others(settled, version):
    broken = make_version(settled, "ankle")
    with settled.begin() as connection:
        stored = connection.execute(select(reference_versions)).one()._asdict()
        values = {name: value for name, value in stored.items() if name != "id"} | {"model_version": broken.id, "payload": b"damaged"}
        connection.execute(reference_versions.insert().values(values))
    report = run_pass(settled, QUIET_END, now=lambda: WALL)
    assert report.failed == ("ankle",)
    assert [one.model for one in report.versions] == ["chest"]


def test_a_model_taken_out_of_service_is_left_alone(settled, version):
    with settled.begin() as connection:
        connection.execute(update(model_versions).values(state="retired"))
    assert run(settled, QUIET_END).versions == ()


def test_a_pass_that_is_asked_to_stop_begins_no_other_model(settled, version):
    assert run(settled, QUIET_END, stop=lambda: True).versions == ()


def test_right_after_the_reference_there_is_a_run_that_says_nothing_yet(quiet, version):
    report = run(quiet, REFERENCE_END)
    assert (report.tallied, report.judged, report.versions[0].measured) == ((), (), 0)
    with quiet.connect() as connection:
        stored = find_snapshot(connection, version.id)
    assert stored is not None
    assert stored.payload["measured"] == {}


def read(engine, version, window_days):
    """Day up to which each measurement of all films was read, and its number of observations."""
    with engine.connect() as connection:
        reference = active_reference(connection, version.id)
        assert reference is not None
        stored = last_measurements(connection, reference.id, cell="all", window_days=window_days)
    return {one.name: (one.as_of, one.n) for one in stored if one.finding}


def test_within_the_day_what_needs_no_label_is_read_and_the_rest_stands_as_of_its_last_midnight(settled, version):
    yesterday, today = (QUIET_END - timedelta(hours=1)).date(), QUIET_END.date()
    before = read(settled, version, 30)
    send_film(settled, version, QUIET_END + timedelta(minutes=30), labelled=True)
    run(settled, QUIET_END + timedelta(hours=2))
    latest = read(settled, version, 1)
    assert (latest["flag_rate"][0], latest["auroc"][0]) == (today, yesterday)
    assert read(settled, version, 30) == before
    assert {as_of for as_of, _ in before.values()} == {yesterday}


def test_a_label_for_a_day_that_is_over_is_read_before_the_next_midnight(settled, version):
    film = send_film(settled, version, QUIET_END - timedelta(days=MATURITY_DAYS + 1))
    run(settled, QUIET_END + timedelta(hours=1))
    before = read(settled, version, 30)["auroc"]
    label(settled, film, 1.0, film.received_at)
    run(settled, QUIET_END + timedelta(hours=2))
    assert read(settled, version, 30)["auroc"] == (before[0], before[1] + 1)


def test_a_label_of_a_film_that_has_not_come_of_age_is_in_no_number_yet(settled, version):
    young = send_film(settled, version, QUIET_END - timedelta(days=MATURITY_DAYS - 1))
    run(settled, QUIET_END + timedelta(hours=1))
    before = read(settled, version, 30)
    label(settled, young, 1.0, young.received_at)
    run(settled, QUIET_END + timedelta(hours=2))
    assert read(settled, version, 30) == before
    run(settled, QUIET_END + timedelta(days=2))
    assert read(settled, version, 30)["auroc"][1] > before["auroc"][1]
