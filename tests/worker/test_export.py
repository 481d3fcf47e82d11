"""Export: the last completed run, read beforehand; what is stale looks stale."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from threading import Event, Thread

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from service.store.engine import open_engine
from service.store.tables import model_versions
from service.worker.export import MeasurementCollector
from tests.components import component
from tests.worker.conftest import WALL, run
from tests.worker.hospital import QUIET_DAYS, QUIET_END, REFERENCE_DAYS, Stream, day, send_days, send_film

SHIFT = REFERENCE_DAYS + QUIET_DAYS
PER_MODEL = {
    "stepwedge_measurement",
    "stepwedge_measurement_low",
    "stepwedge_measurement_high",
    "stepwedge_measurement_limit",
    "stepwedge_measurement_observations",
    "stepwedge_measurement_verdict",
    "stepwedge_alarm_evidence",
    "stepwedge_series_rate",
    "stepwedge_series_reference_rate",
    "stepwedge_series_band_low",
    "stepwedge_series_band_high",
    "stepwedge_series_detectable_fall_odds_ratio",
    "stepwedge_series_detectable_rise_odds_ratio",
    "stepwedge_alarm_open",
    "stepwedge_alarm_since_timestamp_seconds",
    "stepwedge_alarms",
    "stepwedge_model_info",
    "stepwedge_canary",
    "stepwedge_reference_until_timestamp_seconds",
    "stepwedge_counted_until_timestamp_seconds",
    "stepwedge_tallies_waiting",
    "stepwedge_alarm_budget_per_year",
    "stepwedge_alarm_budget_spent_ratio",
    "stepwedge_run_age_seconds",
    "stepwedge_judged_until_timestamp_seconds",
    "stepwedge_label_completeness_ratio",
    "stepwedge_remedies_open",
    "stepwedge_remedies_stuck",
}

OF_THE_WORKER = {"stepwedge_outbox_pending", "stepwedge_outbox_dead", "stepwedge_outbox_oldest_seconds", "stepwedge_export_detail"} | {
    "stepwedge_labels_waiting",
    "stepwedge_labels_waiting_oldest_seconds",
}


def scraped(collector: MeasurementCollector) -> str:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def read(engine, at=WALL, most_series=20_000) -> str:
    collector = MeasurementCollector(engine, lambda: at, most_series)
    collector.refresh()
    return scraped(collector)


def samples(text: str, name: str):
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples if sample.name == name]


@pytest.fixture
def alarmed(settled, version):
    send_days(settled, version, SHIFT, 2, Stream(scanner="Gamma", kvp=9.0))
    run(settled, day(SHIFT + 2))
    return settled


def test_everything_that_is_promised_is_exported_and_promtool_finds_nothing_to_say(alarmed):
    text = read(alarmed)
    exported = {family.name for family in text_string_to_metric_families(text) if family.samples}
    assert exported == PER_MODEL | OF_THE_WORKER
    done = subprocess.run([component("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_open_alarm_shows_its_kind_its_place_and_evidence_over_the_limit(alarmed):
    text = read(alarmed)
    (alarm,) = samples(text, "stepwedge_alarm_open")
    assert alarm.labels == {"model": "chest", "version": "1", "kind": "acquisition", "family": "inputs", "subgroup": "site=south"}
    assert max(sample.value for sample in samples(text, "stepwedge_alarm_evidence")) >= 1
    assert [sample.value for sample in samples(text, "stepwedge_alarms_total")] == [1]
    assert [(sample.labels["action"], sample.value) for sample in samples(text, "stepwedge_remedies_open")] == [("investigate", 1)]
    assert {sample.labels["kind"]: sample.value for sample in samples(text, "stepwedge_outbox_pending")} == {
        "remedy": 1,
        "result": 0,
        "report": 0,
        "retraining": 0,
    }


def test_a_quiet_model_has_evidence_below_the_limit_and_no_alarm(settled):
    text = read(settled)
    assert samples(text, "stepwedge_alarm_open") == []
    assert max(sample.value for sample in samples(text, "stepwedge_alarm_evidence")) < 1
    assert [sample.value for sample in samples(text, "stepwedge_judged_until_timestamp_seconds")] == [QUIET_END.timestamp()]
    assert [sample.value for sample in samples(text, "stepwedge_label_completeness_ratio")] == [1.0]


def test_values_that_the_reference_never_saw_become_no_label(settled, version):
    send_film(settled, version, QUIET_END + timedelta(minutes=3), site="west", attributes={"ManufacturerModelName": "Never seen"})
    run(settled, QUIET_END + timedelta(hours=25))
    text = read(settled)
    assert "west" not in text
    assert "Never" not in text


def test_what_pages_is_told_however_little_room_there_is(alarmed):
    lines = {most: read(alarmed, most_series=most) for most in (0, 600, 20_000)}
    assert [samples(text, "stepwedge_export_detail")[0].value for text in lines.values()] == [0, 1, 2]
    assert len(lines[0]) < len(lines[600]) < len(lines[20_000])
    for name in ("stepwedge_alarm_open", "stepwedge_alarms_total", "stepwedge_run_age_seconds", "stepwedge_label_completeness_ratio"):
        assert samples(lines[0], name) == samples(lines[600], name) == samples(lines[20_000], name) != []
    strongest = [max(one.value for one in samples(text, "stepwedge_alarm_evidence")) for text in lines.values()]
    assert strongest[0] == strongest[1] == strongest[2] >= 1
    families = [{one.labels["family"] for one in samples(text, "stepwedge_alarm_evidence")} for text in lines.values()]
    assert families[0] == families[1] == families[2]
    moved = {one.labels["series"] for one in samples(lines[0], "stepwedge_series_rate")}
    assert {one.labels["series"] for one in samples(lines[20_000], "stepwedge_alarm_evidence") if one.value >= 0.1} <= moved


def test_headlines_are_those_of_all_films_and_what_is_beyond_its_limit(alarmed):
    told = samples(read(alarmed, most_series=600), "stepwedge_measurement_verdict")
    assert {"auroc", "sensitivity", "flag_rate"} <= {one.labels["measurement"] for one in told if one.labels["subgroup"] == "all"}
    assert {one.value for one in told if one.labels["subgroup"] != "all" or one.labels["feature"]} == {1.0}
    assert {one.labels["window"] for one in told} == {"1d", "30d"}


def test_the_age_is_that_of_the_run_and_not_of_the_scrape(settled):
    (age,) = samples(read(settled, WALL + timedelta(minutes=42)), "stepwedge_run_age_seconds")
    assert age.value == 42 * 60


def test_when_the_store_is_away_the_last_values_stay_and_their_age_grows(settled):
    clock = [WALL]
    unreachable = open_engine("postgresql://nobody@127.0.0.1:1/nothing")
    collector = MeasurementCollector(settled, lambda: clock[0])
    collector.refresh()
    collector._engine = unreachable
    clock[0] += timedelta(hours=1)
    collector.refresh()
    (age,) = samples(scraped(collector), "stepwedge_run_age_seconds")
    assert age.value == 3600


def test_before_the_first_refresh_nothing_is_claimed(settled):
    assert scraped(MeasurementCollector(settled, lambda: WALL)) == ""


def test_a_version_that_is_out_of_service_is_not_exported(settled):
    with settled.begin() as connection:
        connection.execute(update(model_versions).values(state="retired"))
    assert samples(read(settled), "stepwedge_run_age_seconds") == []


def test_refreshing_goes_on_until_it_is_asked_to_stop(settled):
    collector, stop = MeasurementCollector(settled, lambda: WALL), Event()
    thread = Thread(target=collector.refresh_until, args=(stop, 0.01))
    thread.start()
    while not scraped(collector):
        pass
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
