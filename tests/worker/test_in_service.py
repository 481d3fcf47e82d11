"""In service: every version in service is told of, and every replica tells the same."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, insert

from service.store.tables import tally_marks
from tests.worker.conftest import WALL, run
from tests.worker.hospital import QUIET_DAYS, QUIET_END, REFERENCE_DAYS, REFERENCE_END, Stream, day, make_version, send_days
from tests.worker.test_export import read, samples

SHIFT = REFERENCE_DAYS + QUIET_DAYS


def value(text: str, name: str, model: str = "chest") -> float:
    (found,) = [one.value for one in samples(text, name) if one.labels["model"] == model]
    return float(found)


def test_a_version_that_nobody_watches_yet_is_named_all_the_same(engine: Engine) -> None:
    make_version(engine, "wrist", "7")
    text = read(engine)
    (info,) = samples(text, "stepwedge_model_info")
    assert info.labels == {"model": "wrist", "version": "7", "artifact": "0" * 12}
    assert samples(text, "stepwedge_reference_until_timestamp_seconds") == []
    assert samples(text, "stepwedge_counted_until_timestamp_seconds") == []
    assert value(text, "stepwedge_alarm_budget_spent_ratio", "wrist") == 0


def test_a_watched_version_says_how_old_its_reference_is_and_how_far_it_is_counted(settled: Engine) -> None:
    text = read(settled)
    assert value(text, "stepwedge_reference_until_timestamp_seconds") == REFERENCE_END.timestamp()
    assert value(text, "stepwedge_counted_until_timestamp_seconds") == QUIET_END.timestamp()
    assert value(text, "stepwedge_tallies_waiting") == 0


def test_an_hour_that_a_late_label_reopened_waits_to_be_counted_again_once_however_often(settled: Engine, version) -> None:
    late = day(REFERENCE_DAYS, hour=9)
    with settled.begin() as connection:
        connection.execute(insert(tally_marks), [{"model_version": version.id, "hour": late}] * 3)
        connection.execute(insert(tally_marks), [{"model_version": version.id, "hour": WALL}])
    assert value(read(settled), "stepwedge_tallies_waiting") == 1


def test_alarms_of_a_year_are_held_against_what_the_plan_allows(settled: Engine, version) -> None:
    send_days(settled, version, SHIFT, 2, Stream(scanner="Gamma", kvp=9.0))
    run(settled, day(SHIFT + 2))
    soon, later = read(settled, day(SHIFT + 3)), read(settled, day(SHIFT + 2) + timedelta(days=366))
    assert value(soon, "stepwedge_alarm_budget_per_year") == 1.0
    assert value(soon, "stepwedge_alarm_budget_spent_ratio") == 1.0
    assert value(later, "stepwedge_alarm_budget_spent_ratio") == 0.0
    (since,) = samples(soon, "stepwedge_alarm_since_timestamp_seconds")
    assert day(SHIFT - 1).timestamp() <= since.value <= day(SHIFT + 2).timestamp()


def test_any_replica_gives_the_same_answer(settled: Engine) -> None:
    assert read(settled) == read(settled)
