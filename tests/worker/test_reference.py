"""Reference: a period that is declared good, and what a new declaration means for what was computed before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from detectors.reference import Reference
from service.errors import ThinReferenceError
from service.store.alarms import alarms_of, open_alarms
from service.store.references import active_reference
from service.store.remedies import remedies_of
from service.store.tables import reference_versions, tallies
from service.worker.reference import build_reference
from tests.worker.conftest import run
from tests.worker.hospital import (
    FILMS_A_DAY,
    FIRST,
    QUIET_DAYS,
    QUIET_END,
    REFERENCE_DAYS,
    REFERENCE_END,
    Stream,
    day,
    make_film,
    make_version,
    send,
    send_days,
)

SHIFT = REFERENCE_DAYS + QUIET_DAYS


def stored(engine, version):
    with engine.connect() as connection:
        return active_reference(connection, version.id)


def test_a_reference_knows_the_declared_subgroups_and_every_film_of_its_period(settled, version):
    reference = Reference.from_bytes(stored(settled, version).payload)
    assert {"all", "site=north", "site=south", "PatientSex=F", "PatientSex=M", "age_band=40-64"} <= set(reference.cells)
    assert reference.tallies["all"].n == REFERENCE_DAYS * FILMS_A_DAY
    assert reference.plan.label_maturity_days == 7


def test_the_same_rows_give_the_same_reference(settled, version):
    again = build_reference(settled, version, FIRST, REFERENCE_END, at=QUIET_END)
    with settled.connect() as connection:
        payloads = list(connection.scalars(select(reference_versions.c.payload)))
    assert again.payload == payloads[0] == payloads[1]


def test_a_period_is_taken_to_the_hour(settled, version):
    reference = build_reference(settled, version, FIRST + timedelta(minutes=7), REFERENCE_END + timedelta(minutes=59), at=QUIET_END)
    assert (reference.since, reference.until) == (FIRST, REFERENCE_END)


def test_a_handful_of_films_is_no_reference(settled, version):
    with pytest.raises(ThinReferenceError):
        build_reference(settled, version, FIRST, FIRST + timedelta(days=2), at=QUIET_END)
    assert stored(settled, version).until == REFERENCE_END


def test_a_new_normal_ends_the_alarms_against_the_old_one(settled, version):
    send_days(settled, version, SHIFT, 20, Stream(scanner="Gamma", kvp=9.0))
    run(settled, day(SHIFT + 4))
    build_reference(settled, version, day(SHIFT), day(SHIFT + 10), at=day(SHIFT + 12))
    run(settled, day(SHIFT + 20))
    with settled.connect() as connection:
        (alarm,) = alarms_of(connection, version.id)
        assert alarm.cleared_at == day(SHIFT + 12)
        assert [remedy.state for remedy in remedies_of(connection, version.id)] == ["expired"]
        active = active_reference(connection, version.id)
        assert active is not None
        assert open_alarms(connection, active.id) == []


def test_what_came_after_a_new_reference_is_tallied_against_it(settled, version):
    new = build_reference(settled, version, FIRST, day(REFERENCE_DAYS + 4), at=QUIET_END)
    report = run(settled, QUIET_END)
    with settled.connect() as connection:
        hours = list(connection.scalars(select(tallies.c.hour).where(tallies.c.reference == new.id, tallies.c.cell == "all")))
    assert min(hours) >= day(REFERENCE_DAYS + 4)
    assert set(hours) == set(report.tallied)
    assert len(report.judged) == QUIET_DAYS - 4


def test_one_model_s_reference_is_not_another_s(settled, version):
    other = make_version(settled, "knee")
    assert stored(settled, other) is None


def tensors(engine, version, first: int, days: int, films: int) -> None:
    """The hospital's films, sent as the model's own input."""
    rng = np.random.default_rng(first)
    sent = [make_film(version.id, day(number, 24 * film / films), rng) for number in range(first, first + days) for film in range(films)]
    send(engine, version, [(replace(prediction, attributes={}, statistics={}), truth) for prediction, truth in sent])


def test_a_version_that_is_asked_with_tensors_only_is_watched_on_its_scores(engine):
    version = make_version(engine)
    tensors(engine, version, 0, 20, films=30)
    build_reference(engine, version, FIRST, day(20), at=day(20))
    tensors(engine, version, 20, 3, films=30)
    send_days(engine, version, 20, 3, Stream(films=10))
    run(engine, day(23))
    with engine.connect() as connection:
        assert connection.scalar(select(func.sum(tallies.c.n)).where(tallies.c.cell == "all")) == 90
        assert alarms_of(connection, version.id) == []


def test_a_few_tensors_do_not_make_a_reference_of_films_another(settled, version):
    tensors(settled, version, 0, REFERENCE_DAYS, films=5)
    reference = Reference.from_bytes(build_reference(settled, version, FIRST, REFERENCE_END, at=QUIET_END).payload)
    assert reference.tallies["all"].n == REFERENCE_DAYS * FILMS_A_DAY
    assert reference.tallies["all"].feature("KVP")[-1] == 0
