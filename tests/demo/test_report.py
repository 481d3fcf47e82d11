from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from service.demo.population import studies_of
from service.demo.report import report, table
from service.domain import Alarm
from tests.demo.builders import make_scenario


def make_alarm(day: int, **changes: Any) -> Alarm:
    """An alarm that the end of this day opened."""
    opened = make_scenario().midnight(day + 1)
    values: dict[str, Any] = {
        "id": uuid4(),
        "model_version": 1,
        "reference": 1,
        "kind": "acquisition",
        "family": "inputs",
        "cell": "site=north",
        "opened_at": opened,
        "since": opened - timedelta(days=1),
        "cleared_at": None,
        "evidence": 2.0,
        "summary": "acquisition shift in site=north: ManufacturerModelName unseen",
    }
    return Alarm(**{**values, **changes})


def test_an_alarm_is_told_beside_what_caused_it_with_its_delay() -> None:
    told = report(
        make_scenario(), [make_alarm(81), make_alarm(110, family="truth", kind="calibration", summary="calibration shift in site=south")]
    )
    text = "\n".join(table(told))
    studies = sum(len(studies_of(make_scenario(), day)) for day in (80, 81))
    assert f"2 days, {studies}" in " ".join(text.split())
    assert "16 days" in text
    assert "NOT FOUND" not in text
    assert told.false_alarms == ()


def test_a_quiet_stretch_says_that_it_was_quiet() -> None:
    quiet = report(make_scenario(), []).chapters[1]
    assert (quiet.deed.first_day, quiet.days, quiet.alarm, quiet.others) == (45, 35, None, ())
    assert any("no alarm" in line for line in table(report(make_scenario(), [])))


def test_a_false_alarm_is_called_one() -> None:
    told = report(make_scenario(), [make_alarm(60)])
    assert len(told.false_alarms) == 1
    assert "FALSE ALARM" in "\n".join(table(told))


def test_an_alarm_on_the_last_quiet_day_does_not_count_for_the_replacement() -> None:
    told = report(make_scenario(), [make_alarm(79)])
    assert len(told.false_alarms) == 1
    assert told.alarm_for("inputs") is None


def test_what_was_not_found_is_admitted() -> None:
    told = report(make_scenario(), [make_alarm(100)])
    assert told.alarm_for("truth") is None
    assert "\n".join(table(told)).count("NOT FOUND") == 2
    assert told.chapters[-1].others != ()


def test_no_line_is_wider_than_the_table() -> None:
    told = report(make_scenario(), [make_alarm(81, summary="a long sentence " * 20)])
    assert max(map(len, table(told))) <= 126
