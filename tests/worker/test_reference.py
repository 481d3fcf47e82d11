"""Reference: a period that is declared good, and what a new declaration means for what was computed before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from detectors.rebaseline import changes
from detectors.reference import Reference
from service.errors import ThinReferenceError, UnknownReferenceError
from service.store.alarms import alarms_of, open_alarms
from service.store.audit import entries
from service.store.chain import walk
from service.store.references import active_reference, reference_by_id, references_of
from service.store.remedies import remedies_of
from service.store.tables import reference_versions, tallies
from service.worker.reference import activate_reference, build_reference, period_under, propose_reference
from service.worker.replay import replay_alarm
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


def test_a_stratum_is_kept_by_the_next_reference_until_it_is_given_up(settled, version):
    def strata_of(proposed):
        return dict(Reference.from_bytes(proposed.payload).strata)

    first = propose_reference(settled, version, FIRST, REFERENCE_END, at=QUIET_END, stratum="site")
    assert strata_of(first) == {cell: cell for cell in ("all", "site=north", "site=south")}
    activate_reference(settled, version, first, "each site is its own normal", at=QUIET_END)
    assert strata_of(propose_reference(settled, version, FIRST, REFERENCE_END, at=QUIET_END)) == strata_of(first)
    assert strata_of(propose_reference(settled, version, FIRST, REFERENCE_END, at=QUIET_END, stratum="")) == {"all": "all"}
    with pytest.raises(ValueError, match="declared subgroup"):
        propose_reference(settled, version, FIRST, REFERENCE_END, at=QUIET_END, stratum="ward")


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


def test_a_proposal_changes_nothing_until_it_is_activated_for_a_reason(settled, version):
    before = stored(settled, version)
    proposed = propose_reference(settled, version, FIRST, day(REFERENCE_DAYS + 4), at=QUIET_END)
    assert stored(settled, version) == before
    assert run(settled, QUIET_END + timedelta(hours=1)).tallied == ()
    activate_reference(settled, version, proposed, "The south has a new detector.", at=QUIET_END, actor="on-site:0")
    active = stored(settled, version)
    assert (active.id, active.reason, active.activated_at) == (proposed.id, "The south has a new detector.", QUIET_END)
    with settled.connect() as connection:
        assert reference_by_id(connection, before.id) == replace(before, state="retired"), "the old one is kept"
        act = [entry.act for entry in entries(connection)][-1]
        assert walk(entries(connection)).broken is None
    assert (act.actor, act.deed, act.subject) == ("on-site:0", "reference.activated", str(proposed.id))
    assert act.details == {"model_version": version.id, "former": before.id, "reason": "The south has a new detector."}


def test_only_a_proposal_can_be_activated(settled, version):
    first = stored(settled, version)
    with pytest.raises(UnknownReferenceError):
        activate_reference(settled, version, first, "again and again", at=QUIET_END)
    build_reference(settled, version, FIRST, day(REFERENCE_DAYS + 4), at=QUIET_END)
    with pytest.raises(UnknownReferenceError):
        activate_reference(settled, version, first, "back to what was", at=QUIET_END)
    with settled.connect() as connection:
        assert [one.state for one in references_of(connection, version.id)] == ["active", "retired"]


def test_an_alarm_stays_judged_under_the_reference_that_it_was_opened_against(settled, version):
    before = stored(settled, version)
    send_days(settled, version, SHIFT, 20, Stream(scanner="Gamma", kvp=9.0))
    run(settled, day(SHIFT + 4))
    build_reference(settled, version, day(SHIFT), day(SHIFT + 10), at=day(SHIFT + 12))
    run(settled, day(SHIFT + 20))
    with settled.connect() as connection:
        (alarm,) = alarms_of(connection, version.id)
        assert alarm.reference == before.id
        replayed = replay_alarm(connection, alarm.id)
    assert replayed is not None
    assert replayed.differing == ()


def test_what_is_excluded_from_a_period_is_no_part_of_it(settled, version):
    send_days(settled, version, SHIFT, 4, Stream(scanner="Gamma"))
    whole = propose_reference(settled, version, FIRST, day(SHIFT + 4), at=day(SHIFT + 4))
    without = propose_reference(settled, version, FIRST, day(SHIFT + 4), at=day(SHIFT + 4), excluded=[(day(SHIFT), day(SHIFT + 4))])
    films = [Reference.from_bytes(one.payload) for one in (whole, without)]
    assert films[0].tallies["all"].n - films[1].tallies["all"].n == 4 * FILMS_A_DAY
    assert "Gamma" not in films[1].schema.categorical["ManufacturerModelName"].counted
    assert without.excluded == [[day(SHIFT).isoformat(), day(SHIFT + 4).isoformat()]]


def test_what_a_proposal_would_change_is_told_series_by_series(settled, version):
    send_days(settled, version, SHIFT, 20, Stream(scanner="Gamma", kvp=9.0))
    proposed = propose_reference(settled, version, day(SHIFT), day(SHIFT + 20), at=day(SHIFT + 20))
    old = Reference.from_bytes(stored(settled, version).payload)
    with settled.connect() as connection:
        found = changes(old, period_under(connection, version, proposed, old))
        same = changes(old, period_under(connection, version, reference_by_id(connection, 1), old))
    beyond = {one.name for one in found if one.beyond}
    assert {"acquisition:all:ManufacturerModelName:unseen", "acquisition:all:KVP:out of range"} <= beyond
    assert not any(name.startswith(("acquisition:all:PatientSex", "image:")) for name in beyond)
    assert not any(one.beyond for one in same)


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
