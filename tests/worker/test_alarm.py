"""Alarm: one cause gives one alarm, and one alarm gives one remedy."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from service.store.alarms import alarms_of
from service.store.remedies import remedies_of
from service.store.tables import outbox
from tests.worker.conftest import run, run_every
from tests.worker.hospital import FILMS_A_DAY, MATURITY_DAYS, QUIET_DAYS, REFERENCE_DAYS, Stream, day, send_days

SHIFT = REFERENCE_DAYS + QUIET_DAYS
REPLACED = Stream(scanner="Gamma", kvp=9.0)
DAY = timedelta(days=1)


def alarms(engine, version):
    with engine.connect() as connection:
        return alarms_of(connection, version.id)


def remedies(engine, version):
    with engine.connect() as connection:
        return remedies_of(connection, version.id)


def messages(engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [json.loads(body) for body in connection.scalars(select(outbox.c.body))]


def test_a_replaced_scanner_alarms_within_two_days_and_names_what_a_person_can_look_at(settled, version):
    send_days(settled, version, SHIFT, 4, REPLACED)
    run(settled, day(SHIFT + 4))
    (alarm,) = alarms(settled, version)
    assert (alarm.kind, alarm.family, alarm.cell) == ("acquisition", "inputs", "site=south")
    assert (alarm.since, alarm.opened_at) == (day(SHIFT), day(SHIFT + 2))
    assert alarm.carriers[0].feature == "ManufacturerModelName"


def test_an_alarm_shows_films_of_the_place_that_it_names(settled, version):
    sent = {str(film.id): film for film in send_days(settled, version, SHIFT, 4, REPLACED)}
    run(settled, day(SHIFT + 4))
    (alarm,) = alarms(settled, version)
    shown = [sent[one] for one in alarm.carriers[0].examples]
    assert len(shown) == 5
    assert {film.attributes["ManufacturerModelName"] for film in shown} == {"Gamma"}
    assert {film.site for film in shown} == {"south"}


def test_one_cause_lights_many_series_and_gives_one_alarm(settled, version):
    send_days(settled, version, SHIFT, 5, REPLACED)
    run_every(settled, DAY, day(SHIFT + 1), day(SHIFT + 5))
    (alarm,) = alarms(settled, version)
    assert {"ManufacturerModelName", "KVP"} <= {carrier.feature for carrier in alarm.carriers}


def test_an_alarm_opens_one_remedy_however_often_the_pass_runs(settled, version):
    send_days(settled, version, SHIFT, 3, REPLACED)
    opened = [alarm for hour in range(0, 30, 3) for alarm in run(settled, day(SHIFT + 2, hour)).opened]
    (remedy,) = remedies(settled, version)
    assert opened == [remedy.alarm]
    assert (remedy.action, remedy.state) == ("investigate", "proposed")
    assert len(messages(settled)) == 1


def test_the_message_says_what_where_since_when_and_how_sure(settled, version):
    send_days(settled, version, SHIFT, 3, REPLACED)
    run(settled, day(SHIFT + 2))
    (message,) = messages(settled)
    data = message["data"]
    assert (message["specversion"], message["type"]) == ("1.0", "stepwedge.remedy.proposed")
    assert (data["model"], data["version"], data["kind"], data["cell"]) == ("chest", "1", "acquisition", "site=south")
    assert (data["since"], data["opened_at"]) == (f"{day(SHIFT):%Y-%m-%dT%H:%M:%SZ}", f"{day(SHIFT + 2):%Y-%m-%dT%H:%M:%SZ}")
    assert data["evidence"] >= 1
    assert data["alarms_per_year"] == 1.0
    first = data["carriers"][0]
    assert (first["feature"], first["side"]) == ("ManufacturerModelName", "high")
    assert first["rate"] > first["reference_rate"]
    assert 0 < first["n"] <= 2 * FILMS_A_DAY
    assert data["remedy"]["action"] == "investigate"


def test_a_model_that_answers_worse_in_one_site_is_to_be_recalibrated_there(settled, version):
    send_days(settled, version, SHIFT, 20, Stream(south_log_odds=2.5, films=60))
    run(settled, day(SHIFT + 20 + MATURITY_DAYS))
    truth = [alarm for alarm in alarms(settled, version) if alarm.family == "truth"]
    assert [(alarm.kind, alarm.cell) for alarm in truth] == [("calibration", "site=south")]
    assert truth[0].since <= day(SHIFT + 3)
    assert [remedy.action for remedy in remedies(settled, version) if remedy.alarm == truth[0].id] == ["recalibrate"]


def test_labels_open_no_alarm_before_they_are_of_age(settled, version):
    send_days(settled, version, SHIFT, MATURITY_DAYS, Stream(south_log_odds=4.0, films=60))
    run(settled, day(SHIFT + MATURITY_DAYS))
    assert alarms(settled, version) == []


def test_an_alarm_clears_when_its_cause_is_over_and_its_remedy_expires(settled, version):
    send_days(settled, version, SHIFT, 3, REPLACED)
    send_days(settled, version, SHIFT + 3, 12)
    run(settled, day(SHIFT + 15))
    (alarm,) = alarms(settled, version)
    assert day(SHIFT + 3) < alarm.cleared_at <= day(SHIFT + 15)
    assert [remedy.state for remedy in remedies(settled, version)] == ["expired"]


def test_a_second_episode_is_a_second_alarm(settled, version):
    send_days(settled, version, SHIFT, 3, REPLACED)
    send_days(settled, version, SHIFT + 3, 12)
    send_days(settled, version, SHIFT + 15, 3, REPLACED)
    run_every(settled, 3 * DAY, day(SHIFT + 3), day(SHIFT + 18))
    assert len(alarms(settled, version)) == len(remedies(settled, version)) == len(messages(settled)) == 2


def test_series_that_follow_attach_to_the_alarm_that_is_open(settled, version):
    send_days(settled, version, SHIFT, 3, Stream(scanner="Gamma"))
    run(settled, day(SHIFT + 3))
    (before,) = alarms(settled, version)
    send_days(settled, version, SHIFT + 3, 4, Stream(scanner="Gamma", kvp=15.0))
    run(settled, day(SHIFT + 7))
    (after,) = alarms(settled, version)
    assert (after.id, after.kind, after.cell, after.opened_at) == (before.id, before.kind, before.cell, before.opened_at)
    assert "KVP" not in {carrier.feature for carrier in before.carriers}
    assert "KVP" in {carrier.feature for carrier in after.carriers}
    assert len(messages(settled)) == 1
