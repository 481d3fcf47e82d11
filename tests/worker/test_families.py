"""Families: what Prometheus is told, and in which words."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from detectors.measurement import Interval, Measurement, Verdict
from service.store.outbox import Kind, OutboxCounts
from service.worker import families
from service.worker.families import Reading, Run
from service.worker.snapshot import OpenAlarm, SeriesReading, Snapshot, pack_series, unpack_series
from tests.components import component

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


READING = Reading(30, Measurement("auroc", 0.91, 412, Interval(0.88, 0.94), 0.85, Verdict.WITHIN, cell="site=north", finding="opacity"))
SERIES = SeriesReading("acquisition", "all/KVP/above", "KVP", "", "all", "above", 1.7, 0.4, 0.1, 0.05, 0.2)


def make_snapshot(**changes) -> Snapshot:
    values: dict[str, Any] = {
        "reference": 1,
        "judged_until": AT - timedelta(hours=12),
        "measured": {30: 1},
        "series": 1,
        "strongest": (SERIES,),
        "open_alarms": (OpenAlarm("acquisition", "inputs", "all"),),
        "alarms": {"acquisition": 2},
        "completeness": {"opacity": 0.7},
    }
    return Snapshot(**(values | changes))


def make_run(**changes) -> Run:
    given: dict[str, Any] = {"model": "chest", "version": "3", "computed_at": AT, "snapshot": make_snapshot()}
    return Run(**({"readings": (READING,), "series": (SERIES,)} | given | changes))


def exposed(metrics: Iterable[Metric]) -> str:
    held = tuple(metrics)

    class Held(Collector):
        def collect(self):
            return held

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Held())
    return generate_latest(registry).decode()


def everything(run: Run, now: datetime = AT) -> str:
    return exposed(
        [
            *families.measurement_families([run]),
            *families.series_families([run]),
            *families.alarm_families([run]),
            *families.run_families([run], now),
            *families.remedy_families({("chest", "3", "retrain"): 1}, {("chest", "3", "retrain"): 1}, []),
            *families.outbox_families({Kind.REMEDY: OutboxCounts(pending=2, dead=0, waiting_since=now)}, now),
        ]
    )


def test_a_value_that_does_not_exist_is_not_exported_but_its_verdict_is():
    reading = Reading(1, Measurement.insufficient("auroc", 3, "20 needed", finding="opacity"))
    text = everything(make_run(readings=(reading,)))
    assert "stepwedge_measurement{" not in text
    assert (
        'stepwedge_measurement_verdict{feature="",finding="opacity",measurement="auroc",model="chest",subgroup="all",version="3",window="1d"} -1.0'
        in text
    )
    assert "stepwedge_measurement_observations{" in text


def test_the_age_grows_with_the_clock_and_not_with_the_scrape():
    run = make_run()
    assert 'stepwedge_run_age_seconds{model="chest",version="3"} 0.0' in everything(run)
    assert 'stepwedge_run_age_seconds{model="chest",version="3"} 900.0' in everything(run, AT + timedelta(minutes=15))


@pytest.mark.parametrize(("verdict", "number"), [("within", "0.0"), ("breached", "1.0"), ("insufficient", "-1.0")])
def test_each_verdict_has_its_number(verdict, number):
    reading = Reading(7, Measurement("auroc", 0.5, 3, None, None, Verdict(verdict), finding="opacity"))
    (line,) = [x for x in everything(make_run(readings=(reading,))).splitlines() if x.startswith("stepwedge_measurement_verdict{")]
    assert line.endswith(" " + number)


def test_a_series_without_observations_still_shows_its_evidence():
    text = everything(make_run(series=(replace(SERIES, rate=None),)))
    assert "stepwedge_alarm_evidence{" in text
    assert "stepwedge_series_rate{" not in text


def test_alarms_that_were_opened_are_a_counter():
    assert 'stepwedge_alarms_total{kind="acquisition",model="chest",version="3"} 2.0' in everything(make_run())


def test_promtool_finds_nothing_to_say():
    promtool = component("promtool")
    done = subprocess.run([promtool, "check", "metrics"], input=everything(make_run()), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_snapshot_reads_back_as_it_was_stored():
    snapshot = make_snapshot()
    assert Snapshot.from_json(json.loads(json.dumps(snapshot.to_json()))) == snapshot
    assert unpack_series(pack_series([SERIES])) == (SERIES,)


def test_a_snapshot_of_another_release_is_left_aside():
    assert Snapshot.from_json({**make_snapshot().to_json(), "format": 0}) is None
