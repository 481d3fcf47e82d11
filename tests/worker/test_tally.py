"""Tally: every row once, in its hour and its cells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from detectors.ages import COHORT
from service.store.labels import add_labels
from service.store.measurements import last_measurements
from service.store.references import active_reference
from service.store.tables import day_tallies, tallies, tally_marks
from tests.worker.conftest import run
from tests.worker.hospital import QUIET_DAYS, QUIET_END, REFERENCE_DAYS, REFERENCE_END, Stream, day, label, make_label, send_days, send_film
from tests.worker.left_behind import left_behind

HOUR = timedelta(hours=1)


def counted(engine, cell: str = "all", table=tallies) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(func.coalesce(func.sum(table.c.n), 0)).where(table.c.cell == cell)))


def marks(engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(tally_marks)))


def test_every_film_is_counted_once_in_its_hour_and_once_in_its_day(settled):
    films = QUIET_DAYS * 30
    assert counted(settled) == counted(settled, table=day_tallies) == films
    assert counted(settled, "site=north") + counted(settled, "site=south") == films
    assert marks(settled) == 0


def test_a_late_label_reopens_its_hour_and_only_its_hour(settled, version):
    film = send_film(settled, version, day(REFERENCE_DAYS + 2, 9.2))
    run(settled, QUIET_END)
    label(settled, film, 1.0, QUIET_END)
    assert run(settled, QUIET_END + HOUR).tallied == (day(REFERENCE_DAYS + 2, 9.0),)
    assert run(settled, QUIET_END + 2 * HOUR).tallied == ()


def test_a_film_that_is_recorded_late_reopens_its_hour(settled, version):
    before = counted(settled)
    send_film(settled, version, day(REFERENCE_DAYS + 3, 2.5))
    assert run(settled, QUIET_END + HOUR).tallied == (day(REFERENCE_DAYS + 3, 2.0),)
    assert counted(settled) == counted(settled, table=day_tallies) == before + 1


def test_a_corrected_label_moves_a_film_and_does_not_double_it(settled, version):
    film = send_film(settled, version, day(REFERENCE_DAYS + 2, 9.2))
    label(settled, film, 1.0, QUIET_END)
    run(settled, QUIET_END)
    before = counted(settled)
    label(settled, film, 0.0, QUIET_END + HOUR)
    run(settled, QUIET_END + HOUR)
    assert counted(settled) == before


def test_hours_of_the_reference_are_what_others_are_compared_to_and_are_not_counted(settled, version):
    before = counted(settled)
    film = send_film(settled, version, REFERENCE_END - timedelta(minutes=5))
    label(settled, film, 1.0, QUIET_END)
    assert run(settled, QUIET_END + HOUR).tallied == ()
    assert (counted(settled), marks(settled)) == (before, 0)


def test_a_site_that_the_reference_never_saw_counts_in_all_and_in_no_cell_of_its_own(settled, version):
    all_before, north, south = (counted(settled, cell) for cell in ("all", "site=north", "site=south"))
    send_film(settled, version, QUIET_END + timedelta(minutes=1), site="west")
    run(settled, QUIET_END + HOUR)
    assert [counted(settled, cell) for cell in ("all", "site=north", "site=south", "site=west")] == [all_before + 1, north, south, 0]


@pytest.mark.parametrize("hours", [1, 25])
def test_an_hour_that_is_not_over_keeps_its_mark(settled, version, hours):
    send_film(settled, version, QUIET_END + hours * HOUR)
    assert run(settled, QUIET_END + hours * HOUR + timedelta(minutes=59)).tallied == ()
    assert marks(settled) == 1


def test_hours_that_are_read_together_give_what_single_hours_give(settled, another, version):
    apart = another()
    for engine in (settled, apart):
        send_days(engine, version, REFERENCE_DAYS + QUIET_DAYS, 1)
    for hour in (8, 9, 10, 11, 24):
        run(apart, QUIET_END + hour * HOUR)
    run(settled, QUIET_END + 24 * HOUR)
    assert left_behind(settled)["tallies"] == left_behind(apart)["tallies"]


def test_tensors_are_not_held_against_a_reference_of_films(settled, version):
    before = counted(settled)
    for minute in range(60):
        send_film(settled, version, day(REFERENCE_DAYS + 2, 9 + minute / 60), attributes={}, statistics={})
    run(settled, QUIET_END + HOUR)
    assert counted(settled) == before
    assert marks(settled) == 0


def test_labels_in_another_order_of_arrival_make_the_same_mature_numbers(settled, another, version):
    """With corrections among them, and passes in between or none."""
    apart = another()
    films, _ = (send_days(engine, version, REFERENCE_DAYS + QUIET_DAYS, 3, Stream(labelled=False)) for engine in (settled, apart))
    stated = [make_label(film.id, float(number % 4 == 0), film.received_at) for number, film in enumerate(films)]
    stated += [replace(label, value=1 - label.value, made_at=label.made_at + HOUR) for label in stated[::5] if label.value is not None]
    end = QUIET_END + timedelta(days=20)
    for engine, order, step in ((settled, stated, 40), (apart, stated[::-1], len(stated))):
        for start in range(0, len(order), step):
            arrived = QUIET_END + timedelta(days=3) + start * HOUR
            with engine.begin() as connection:
                add_labels(connection, [replace(label, received_at=arrived) for label in order[start : start + step]])
            run(engine, arrived)
        run(engine, end)
    one, other = left_behind(settled), left_behind(apart)
    assert [one[table] for table in ("checkpoints", "alarms", "remedies")] == [
        other[table] for table in ("checkpoints", "alarms", "remedies")
    ]
    assert read(settled) == read(apart)


def read(engine):
    """What was measured at last of the films; when their labels came is another matter."""
    with engine.connect() as connection:
        reference = active_reference(connection, 1)
        assert reference is not None
        return [one for one in last_measurements(connection, reference.id) if one.name not in COHORT]
