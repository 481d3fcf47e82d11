"""Re-tally: the same sums as the worker's, bit for bit, from rows or from the archive, on whatever computes them."""

from __future__ import annotations

import os
from datetime import date, timedelta

import distributed
import pytest
from sqlalchemy import delete, select, text

from service.config import Settings
from service.store.archive import Archive
from service.store.day_tallies import marked_days
from service.store.references import active_reference
from service.store.sources import Source
from service.store.tables import labels, predictions, tallies
from service.worker.archive import archive_model
from service.worker.calendar import day_of
from service.worker.executors import dask, inline, processes
from service.worker.retally import retally
from tests.worker.conftest import WALL, run
from tests.worker.hospital import QUIET_DAYS, QUIET_END, REFERENCE_DAYS, REFERENCE_END, day, send_film


class Killed(BaseException):
    """As a process dies: nothing in the code may catch it."""


def sums(engine):
    with engine.connect() as connection:
        query = select(tallies.c.hour, tallies.c.cell, tallies.c.n, tallies.c.payload).order_by(tallies.c.hour, tallies.c.cell)
        return [tuple(row) for row in connection.execute(query)]


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data_dir=tmp_path, archive=str(tmp_path / "archive"))


@pytest.fixture
def again(settled, version, settings, monkeypatch):
    """Compute everything after the reference anew; changes are arguments of `retally`."""
    monkeypatch.setenv("DATABASE_URL", settled.url.render_as_string(hide_password=False))

    def compute(**changes):
        arguments = {"archive": Archive(settings.archive_folder), "execute": inline, "at": WALL, **changes}
        return retally(settled, version, REFERENCE_END, QUIET_END, **arguments)

    return compute


def spoil(engine, number):
    """Somebody meddled with the sums of a day."""
    with engine.begin() as connection:
        since, until = day(number), day(number + 1)
        connection.execute(tallies.update().where(tallies.c.hour >= since, tallies.c.hour < until).values(payload=b"spoilt"))


def archive_all(engine, settings):
    archive_model(engine, settings, "chest", QUIET_END, at=WALL, tell=lambda _done, _what: None)


def test_rows_give_the_sums_that_the_worker_stored(settled, again):
    before = sums(settled)
    assert (again().days, again().differing) == (QUIET_DAYS, ())
    assert sums(settled) == before


def test_what_differs_is_put_right_and_judged_anew(settled, version, again):
    before = sums(settled)
    spoil(settled, REFERENCE_DAYS + 3)
    assert again(check=True).differing == (day_of(day(REFERENCE_DAYS + 3)),)
    assert sums(settled) != before, "a check writes nothing"
    assert again().differing == (day_of(day(REFERENCE_DAYS + 3)),)
    assert sums(settled) == before
    with settled.connect() as connection:
        reference = active_reference(connection, version.id)
        assert reference is not None
        assert marked_days(connection, reference.id, day_of(QUIET_END)) == [day_of(day(REFERENCE_DAYS + 3))]
    assert run(settled, QUIET_END).judged[0] == day_of(day(REFERENCE_DAYS + 3))


def test_the_archive_gives_the_same_when_the_store_has_forgotten_the_rows(settled, settings, again):
    before = sums(settled)
    archive_all(settled, settings)
    with settled.begin() as connection:
        connection.execute(delete(labels))
        connection.execute(delete(predictions))
        connection.execute(delete(tallies))
    done = again()
    assert (done.days, len(done.differing), done.kept) == (QUIET_DAYS, QUIET_DAYS, ())
    assert sums(settled) == before


def test_sums_whose_rows_are_nowhere_any_more_stay_as_they_are(settled, again):
    before = sums(settled)
    with settled.begin() as connection:
        connection.execute(text("delete from predictions where received_at >= :since"), {"since": day(REFERENCE_DAYS + 5)})
    done = again()
    assert (done.days, len(done.kept), done.differing) == (5, QUIET_DAYS - 5, ())
    assert sums(settled) == before


def test_a_straggler_in_a_month_that_was_dropped_does_not_take_its_place(settled, version, settings, again):
    before = sums(settled)
    archive_all(settled, settings)
    with settled.begin() as connection:
        connection.execute(delete(predictions))
    send_film(settled, version, day(REFERENCE_DAYS + 1, 9.0))
    assert again().differing == ()
    assert sums(settled) == before


def test_killed_in_the_middle_it_goes_on_where_it_was(settled, again):
    before = sums(settled)
    for number in range(QUIET_DAYS):
        spoil(settled, REFERENCE_DAYS + number)
    computed: list[date] = []

    def dying(work, jobs):
        for job in jobs:
            if len(computed) == 5:
                raise Killed
            computed.append(job.day)
            yield work(job)

    with pytest.raises(Killed):
        again(execute=dying)
    done = again()
    assert (done.done_before, done.days) == (5, QUIET_DAYS - 5)
    assert sums(settled) == before
    assert again().done_before == 0, "a run that is complete leaves nothing behind"


def test_processes_give_the_same(settled, again):
    before = sums(settled)
    spoil(settled, REFERENCE_DAYS)
    with processes(2, {"DATABASE_URL": os.environ["DATABASE_URL"]}) as execute:
        done = again(execute=execute)
    assert (done.days, done.differing) == (QUIET_DAYS, (day_of(day(REFERENCE_DAYS)),))
    assert sums(settled) == before


def test_a_dask_cluster_gives_the_same_from_the_archive(settled, settings, again):
    before = sums(settled)
    archive_all(settled, settings)
    spoil(settled, REFERENCE_DAYS)
    here = {"host": "127.0.0.1", "protocol": "tcp://", "dashboard_address": None}
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, **here) as cluster,
        dask(cluster.scheduler_address) as execute,
    ):
        done = again(source=Source.ARCHIVE, execute=execute)
    assert (done.days, done.differing) == (QUIET_DAYS, (day_of(day(REFERENCE_DAYS)),))
    assert sums(settled) == before


def test_a_row_that_comes_meanwhile_keeps_its_mark(settled, version, again):
    at = day(REFERENCE_DAYS + 2, 10.5)

    def interrupted(work, jobs):
        for number, job in enumerate(jobs):
            if number == 4:
                send_film(settled, version, at)
            yield work(job)

    again(execute=interrupted)
    assert run(settled, QUIET_END + timedelta(hours=1)).tallied == (at.replace(minute=0),)
    assert again(check=True).differing == ()
