"""The worklist: fair, never the same film twice, the same again by its seed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import Engine, func, select

from service.domain import Label, Tier
from service.store.labels import add_labels
from service.store.tables import asked_reads, labels
from service.worker.subject import subject_of
from service.worker.worklist import Worklist, worklist
from tests.worker.conftest import run
from tests.worker.hospital import QUIET_DAYS, QUIET_END, REFERENCE_DAYS, Stream, send_days

NOW = QUIET_END + timedelta(days=5)


def send_unread(engine: Engine, version) -> None:
    send_days(engine, version, REFERENCE_DAYS + QUIET_DAYS, 5, Stream(films=40, labelled=False))
    run(engine, NOW)


def drawn(engine: Engine, version, seed: int, reads: int = 20, days: int = 5) -> Worklist:
    with engine.begin() as connection:
        subject = subject_of(connection, version)
        assert subject is not None
        return worklist(connection, subject, NOW, days=days, reads=reads, finding=None, seed=seed)


def test_callers_at_once_never_get_the_same_film_and_a_seed_gives_its_films_again(settled, version):
    send_unread(settled, version)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: drawn(settled, version, seed), range(4)))
    films = [film.prediction for one in found for film in one.films]
    assert (len(films), len(set(films))) == (80, 80)
    assert {film.prediction for film in drawn(settled, version, 2).films} == {film.prediction for film in found[2].films}
    with settled.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(asked_reads)) == 80


def test_a_film_that_was_read_is_not_asked_for_and_a_read_that_was_asked_for_is_weighed(settled, version):
    send_unread(settled, version)
    everything = drawn(settled, version, 1, reads=1000, days=17)
    assert len(everything.films) == 200
    assert drawn(settled, version, 2, days=17).films == ()
    with settled.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(labels)) > 0


def test_it_says_what_the_reads_would_buy(settled, version):
    send_unread(settled, version)
    found = drawn(settled, version, 3, reads=60)
    (sensitivity,) = [one for one in found.buys if one.rate == "sensitivity"]
    assert (found.frame, sensitivity.value, "none was read" in sensitivity.reason) == (200, None, True)
    assert sensitivity.expected is not None
    assert 0 < sensitivity.expected.high - sensitivity.expected.low < 1
    with settled.begin() as connection:
        stated = [Label(film.prediction, "opacity", 1.0, "audit", None, NOW, NOW, tier=Tier.READ, asked=True) for film in found.films]
        assert add_labels(connection, stated) == 60
    run(settled, NOW + timedelta(hours=1))
    (now,) = [one for one in drawn(settled, version, 4).buys if one.rate == "sensitivity"]
    assert now.value is not None
