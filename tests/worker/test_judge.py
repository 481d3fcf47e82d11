"""Judge: which days a change reopens, and that evidence does not depend on the way to it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from service.store.tables import checkpoints, day_marks
from tests.worker.conftest import run
from tests.worker.hospital import MATURITY_DAYS, QUIET_DAYS, QUIET_END, REFERENCE_DAYS, day, label, send_film

SECOND = REFERENCE_DAYS + 2
HOUR = timedelta(hours=1)


def evidence(engine) -> dict[object, bytes]:
    with engine.connect() as connection:
        return {one.day: one.payload for one in connection.execute(select(checkpoints.c.day, checkpoints.c.payload))}


def test_every_whole_day_after_the_reference_is_judged_once(quiet):
    days = tuple(day(REFERENCE_DAYS + number).date() for number in range(QUIET_DAYS))
    assert run(quiet, QUIET_END + 9 * HOUR).judged == days


def test_a_day_is_judged_when_its_last_hour_is_over(settled, version):
    send_film(settled, version, QUIET_END + 3 * HOUR)
    assert run(settled, QUIET_END + 23.9 * HOUR).judged == ()
    assert run(settled, QUIET_END + 24 * HOUR).judged == (QUIET_END.date(),)


def test_a_day_without_films_is_judged_too(settled):
    assert run(settled, QUIET_END + 48 * HOUR).judged == (QUIET_END.date(), (QUIET_END + 24 * HOUR).date())


def test_a_late_label_reopens_the_day_it_counts_on_and_not_all_days_since(settled, version):
    film = send_film(settled, version, day(SECOND, 9.2))
    run(settled, QUIET_END)
    label(settled, film, 1.0, QUIET_END)
    reopened = run(settled, QUIET_END + HOUR).judged
    assert reopened[:2] == (day(SECOND).date(), day(SECOND + MATURITY_DAYS).date())
    assert len(reopened) <= 2 + REFERENCE_DAYS + QUIET_DAYS - (SECOND + MATURITY_DAYS)


def test_a_label_on_a_day_that_is_not_of_age_changes_no_evidence_yet(settled, version):
    film = send_film(settled, version, QUIET_END - 30 * HOUR)
    run(settled, QUIET_END)
    before = evidence(settled)
    label(settled, film, 1.0, QUIET_END)
    run(settled, QUIET_END + HOUR)
    assert evidence(settled) == before


def test_a_label_that_is_taken_back_takes_its_evidence_back(settled, version):
    film = send_film(settled, version, day(SECOND, 9.2))
    label(settled, film, 0.0, QUIET_END)
    run(settled, QUIET_END)
    before = evidence(settled)
    label(settled, film, 1.0, QUIET_END + HOUR)
    run(settled, QUIET_END + HOUR)
    assert evidence(settled) != before
    label(settled, film, 0.0, QUIET_END + 2 * HOUR)
    run(settled, QUIET_END + 2 * HOUR)
    assert evidence(settled) == before


def test_a_completed_pass_leaves_no_day_unseen(settled, version):
    send_film(settled, version, QUIET_END + HOUR)
    run(settled, QUIET_END + 3 * HOUR)
    with settled.connect() as connection:
        assert connection.execute(select(day_marks)).all() == []
