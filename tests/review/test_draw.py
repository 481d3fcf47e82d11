"""The draw: like with like, the same again, of each patient one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.errors import ThinWindowError
from service.review.draw import LEAST, draw
from service.review.loaded import load
from service.store.models import champion
from tests.review.conftest import WINDOW, make_alarm
from tests.worker.hospital import FILMS_A_DAY, MATURITY_DAYS, REFERENCE_END, Stream, day, make_film, send


@pytest.fixture
def version(shifted):
    with shifted.connect() as connection:
        return champion(connection, "chest")


def drawn(engine, alarm, **changes):
    with engine.connect() as connection:
        return draw(connection, alarm, **changes)


def test_the_window_is_the_alarms_and_a_quiet_stretch_as_long_ends_the_reference(shifted, version):
    found = drawn(shifted, make_alarm(shifted, version.id))
    assert (found.stretches["window"].since, found.stretches["window"].until) == (REFERENCE_END, day(40 + WINDOW))
    assert found.stretches["quiet"].until == REFERENCE_END
    assert found.stretches["quiet"].since == found.stretches["reference"].until == day(40 - WINDOW)
    assert len(found.window) == len(found.quiet) == WINDOW * FILMS_A_DAY
    assert set(found.window.categorical["ManufacturerModelName"]) == {"Alpha", "Gamma"}
    assert set(found.quiet.categorical["ManufacturerModelName"]) == {"Alpha", "Beta"}


def test_whoever_draws_again_draws_the_same(shifted, version):
    alarm = make_alarm(shifted, version.id)
    one, other = drawn(shifted, alarm, films=60), drawn(shifted, alarm, films=60)
    assert len(one.reference) == 60
    assert np.array_equal(one.reference.scores, other.reference.scores)
    another = drawn(shifted, replace(alarm, id=make_alarm(shifted, version.id, cell="site=south").id), films=60)
    assert not np.array_equal(one.reference.scores, another.reference.scores)


def test_an_alarm_of_one_site_is_compared_with_that_site(shifted, version):
    found = drawn(shifted, make_alarm(shifted, version.id, cell="site=south"), films=100)
    assert set(found.window.categorical["ManufacturerModelName"]) == {"Gamma"}
    assert set(found.reference.categorical["ManufacturerModelName"]) == {"Beta"}
    assert len(found.reference) == 100


def test_an_alarm_that_rests_on_labels_is_about_the_films_that_came_of_age(shifted, version):
    alarm = replace(make_alarm(shifted, version.id, family="truth"), opened_at=day(60), since=day(41))
    found = drawn(shifted, alarm)
    assert (found.stretches["window"].since, found.stretches["window"].until) == (day(41), day(60 - MATURITY_DAYS))


def test_a_patient_with_many_films_counts_once(shifted, version):
    rng = np.random.default_rng(9)
    films = [make_film(version.id, day(43, 23.0 + number / 100), rng, Stream(scanner="Delta")) for number in range(50)]
    films = [(replace(film, pseudonyms=replace(film.pseudonyms, patient=b"one and the same")), truth) for film, truth in films]
    send(shifted, version, films)
    found = drawn(shifted, make_alarm(shifted, version.id))
    assert list(found.window.categorical["ManufacturerModelName"]).count("Delta") <= 1
    assert len(found.window) == WINDOW * FILMS_A_DAY + 1


def test_too_few_films_are_no_sample(shifted, version):
    alarm = make_alarm(shifted, version.id)
    with pytest.raises(ThinWindowError):
        drawn(shifted, replace(alarm, opened_at=day(50), since=day(49)))
    assert len(drawn(shifted, alarm, films=LEAST).window) == LEAST


def test_a_draw_crosses_to_another_process_without_pickle(shifted, version, tmp_path):
    found = drawn(shifted, make_alarm(shifted, version.id), films=40)
    found.save(tmp_path)
    loaded = load(tmp_path)
    assert np.array_equal(loaded.window.scores, found.window.scores)
    assert np.array_equal(loaded.reference.labels, found.reference.labels, equal_nan=True)
    assert loaded.quiet.categorical["ViewPosition"].tolist() == list(found.quiet.categorical["ViewPosition"])
    assert (loaded.seed, loaded.findings, len(loaded.reference)) == (found.seed, ("opacity",), 40)
