"""Corrections: an alarm whose days were judged again is confirmed or superseded; what people were told is kept, and nothing opens twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.special import expit
from sqlalchemy import func, select

from service.access import Deed
from service.store.alarms import alarms_of
from service.store.audit import entries
from service.store.judgements import Standing, judgements_of
from service.store.labels import add_labels, labels_of
from service.store.tables import tally_marks
from service.store.unaudited import audit_alarms
from tests.worker.conftest import run
from tests.worker.hospital import MATURITY_DAYS, QUIET_DAYS, REFERENCE_DAYS, Stream, day, make_label, send_days

SHIFT = REFERENCE_DAYS + QUIET_DAYS
DECAYED = Stream(south_log_odds=3.0, films=60)
DAYS = 6
END = day(SHIFT + DAYS + MATURITY_DAYS)
HOUR = timedelta(hours=1)


def decay(engine, version):
    """Labels of the south contradict the model until they are corrected; returns the films."""
    films = send_days(engine, version, SHIFT, DAYS, DECAYED)
    send_days(engine, version, SHIFT + DAYS, MATURITY_DAYS)
    assert len(run(engine, END).opened) == 1
    return [film for film in films if film.site == "south"]


def correct(engine, films, value_of):
    with engine.begin() as connection:
        for film in films:
            ((_, said), *_) = labels_of(connection, film.id)
            add_labels(connection, [make_label(film.id, value_of(film, said.value), said.made_at + HOUR)])


def told(engine, version):
    with engine.connect() as connection:
        alarm = [one for one in alarms_of(connection, version.id) if one.family == "truth"][-1]
        return alarm, judgements_of(connection, [alarm.id])[alarm.id]


def as_the_scores_say(film, _said):
    """Truth as it was in the reference."""
    return float(np.random.default_rng(film.id.int % 2**32).random() < expit(film.scores.logits[0]))


def test_an_alarm_that_rests_on_labels_that_were_wrong_is_superseded_and_both_versions_are_kept(settled, version):
    films = decay(settled, version)
    before, (opened,) = told(settled, version)
    correct(settled, films, as_the_scores_say)
    report = run(settled, END + HOUR)
    alarm, (first, now) = told(settled, version)
    assert (first, first.standing, alarm.id) == (opened, Standing.OPENED, before.id)
    assert (first.evidence >= 1, first.carriers != ()) == (True, True)
    assert (now.standing, now.evidence < 1, now.judged_at) == (Standing.SUPERSEDED, True, END + HOUR)
    assert (report.opened, alarm.cleared_at is not None) == ((), True)


def test_an_alarm_that_stands_after_a_few_corrections_is_confirmed_with_the_numbers_of_now(settled, version):
    films = decay(settled, version)
    correct(settled, films[:6], lambda _film, value: 1 - value)
    report = run(settled, END + HOUR)
    alarm, (first, now) = told(settled, version)
    assert (report.opened, alarm.cleared_at) == ((), None)
    assert (now.standing, now.evidence >= 1) == (Standing.CONFIRMED, True)
    assert now.evidence != first.evidence


def test_it_may_be_superseded_and_confirmed_again_and_the_audit_log_knows_each_turn(settled, version):
    films = decay(settled, version)
    with settled.connect() as connection:
        said = {film.id: labels_of(connection, film.id)[0][1].value or 0.0 for film in films}
    correct(settled, films, as_the_scores_say)
    run(settled, END + HOUR)
    with settled.begin() as connection:
        add_labels(connection, [make_label(film.id, said[film.id], film.received_at + 2 * HOUR) for film in films])
    assert len(run(settled, END + 2 * HOUR).opened) == 1, "the first alarm was cleared, and the evidence is back"
    _, judged = told(settled, version)
    assert [one.standing for one in judged] == [Standing.OPENED, Standing.SUPERSEDED, Standing.CONFIRMED]
    assert judged[2].evidence == judged[0].evidence
    for _ in range(2):
        with settled.begin() as connection:
            audit_alarms(connection, datetime.now(UTC))
    with settled.connect() as connection:
        acts = [one.act for one in entries(connection) if one.act.deed is Deed.ALARM_REJUDGED]
    assert [(act.details["number"], act.details["standing"]) for act in acts] == [(1, "superseded"), (2, "confirmed")]


def test_many_corrections_tally_their_hours_anew_and_no_others(settled, version):
    films = send_days(settled, version, SHIFT, 3, Stream(films=60))
    end = day(SHIFT + MATURITY_DAYS + 5)
    run(settled, end)
    corrected = [film for film in films if 8 <= film.received_at.hour < 16][:60]
    hours = {film.received_at.replace(minute=0, second=0, microsecond=0) for film in corrected}
    correct(settled, corrected, lambda _film, value: 1 - value)
    assert len(corrected) == 60
    report = run(settled, end + HOUR)
    assert set(report.tallied) == hours
    first = min(one.date() for one in hours)
    assert min(report.judged) >= first
    with settled.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(tally_marks)) == 0
