"""What is asked of Prometheus is what the gateway and the worker export: tried on a real Prometheus with a past that they wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, get_args

import pytest

from detectors.series import Family
from service.store.engine import open_engine
from tests import postgres
from tests.dashboards import story
from tests.dashboards.expressions import (
    GRAFANA,
    RULES,
    Asked,
    alerts,
    filled,
    in_annotations,
    in_panels,
    in_rules,
    in_runbook,
    in_templates,
    in_variables,
    metrics,
    rules,
    selectors,
)
from tests.dashboards.prometheus import Prometheus, prometheus

ANY = GRAFANA | dict.fromkeys(("model", "version", "finding", "subgroup", "window", "series", "instance"), "any")
CHOSEN = {"model": "chest", "version": "1", "finding": "opacity", "subgroup": "site=south", "window": "30d", "instance": ".*"}
IN_PLAIN_SIGHT = [*in_panels(), *in_variables(), *in_annotations()]
OFF_THE_DASHBOARD = {
    "stepwedge_worker_pass_duration_seconds_bucket": "how long passes take is capacity planning, not a night's question; the age of the run is",
    "stepwedge_worker_pass_duration_seconds_sum": "as above",
    "stepwedge_worker_pass_duration_seconds_count": "as above",
    "stepwedge_stage_duration_seconds_sum": "quantiles are shown; a mean hides the slow ones",
    "stepwedge_stage_duration_seconds_count": "requests by outcome count the same, and by model",
    "stepwedge_series_detectable_fall_odds_ratio": "what would be seen within two weeks is a question of planning, not of a night",
    "stepwedge_series_detectable_rise_odds_ratio": "as above",
    "stepwedge_labels_waiting_oldest_seconds": "how many wait is shown; the runbook on label drought asks how long",
    "stepwedge_export_detail": "what is left out of the dashboards follows from a setting; it is no state of a model",
    "stepwedge_last_known_age_seconds": "/readyz says it in words, and the alert on Postgres fires meanwhile",
    "stepwedge_batch_size_bucket": "the mean says whether batches fill",
}
"""Series that are exported and that no panel shows, each with its reason. (The moments of creation, *_created, belong to OpenMetrics.)"""


@pytest.fixture(scope="module")
def told(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with postgres.database(server_url, migrated_template) as url:
        engine = open_engine(url)
        past = story.tell(engine)
        engine.dispose()
    with prometheus(past, RULES, tmp_path_factory.mktemp("prometheus")) as server:
        yield server


@pytest.fixture(scope="module")
def chosen(told: Prometheus) -> dict[str, str]:
    """What stands in the dashboard's variables: the series is the strongest one, as when nobody chose yet."""
    (variable,) = (one for one in in_variables() if one.where == "inputs: variable series")
    strongest = told.instant(filled(variable.expr, CHOSEN | GRAFANA), story.END)[0]["metric"]["series"]
    return CHOSEN | GRAFANA | {"series": strongest}


def exported(told: Prometheus) -> set[str]:
    """Series of the gateway and the worker, without the moments of creation that OpenMetrics adds."""
    return {name for name in told.names() if name.startswith("stepwedge_") and not name.endswith("_created")}


def matching(pattern: str, names: set[str]) -> set[str]:
    return {name for name in names if re.fullmatch(pattern, name)}


def known_at_the_end(asked: Asked) -> bool:
    """Estimates without labels are not: once the scanner is another they are not identifiable. That they had a course before is tested below."""
    return not re.search(r'measurement="(estimated_\w+|\w+_estimate_error)"', asked.expr)


def test_every_expression_of_the_dashboards_returns_data(told: Prometheus, chosen: dict[str, str]) -> None:
    asked_now = [asked for asked in (*in_panels(), *in_variables()) if known_at_the_end(asked)]
    empty = [asked.where for asked in asked_now if not told.instant(filled(asked.expr, chosen), story.END)]
    assert empty == []


def test_every_drawn_expression_has_a_course_over_time(told: Prometheus, chosen: dict[str, str]) -> None:
    points = {
        asked.where: sum(len(line["values"]) for line in told.over(filled(asked.expr, chosen), story.BEGIN, story.END))
        for asked in (*in_panels(), *in_annotations())
    }
    assert [where for where, count in points.items() if count < 2] == []


def test_every_selector_of_the_rules_their_texts_and_the_runbook_finds_series(told: Prometheus) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = [*in_rules(), *in_templates(), *in_runbook()]
    names = {name for one in asked for name in metrics(one.expr)} - recorded
    assert [name for name in names if not matching(name, exported(told))] == []
    assert [one.where for one in asked if not metrics(one.expr)] == []


def test_every_label_that_is_asked_for_is_one_that_the_series_have(told: Prometheus) -> None:
    """A matcher on a label that does not exist finds nothing, or everything, and says neither."""
    asked = {
        (selector.name, matcher.name)
        for one in (*IN_PLAIN_SIGHT, *in_rules(), *in_templates(), *in_runbook())
        for selector in selectors(filled(one.expr, ANY))
        for matcher in selector.matchers.matchers
        if selector.name
    }
    assert len(asked) > 20
    assert [pair for pair in asked if not told.instant('last_over_time({}{{{}!=""}}[2h])'.format(*pair), story.END)] == []


def test_every_series_is_on_a_dashboard_or_has_its_reason_not_to_be(told: Prometheus) -> None:
    shown = {name for asked in IN_PLAIN_SIGHT for pattern in metrics(filled(asked.expr, ANY)) for name in matching(pattern, exported(told))}
    assert exported(told) - shown == set(OFF_THE_DASHBOARD)


def test_prometheus_evaluates_every_rule(told: Prometheus) -> None:
    loaded = told.rules()
    assert {rule["name"] for rule in loaded} == {rule.get("alert") or rule["record"] for rule in rules()}
    assert {rule.get("lastError") for rule in loaded} <= {None, ""}


def fires(told: Prometheus, asked: Asked, at: datetime) -> list[dict[str, Any]]:
    return told.instant(asked.expr, at)


def test_no_alert_speaks_while_the_hospital_is_quiet(told: Prometheus) -> None:
    assert [asked.where for asked in in_rules() if asked.where in alerts() and fires(told, asked, story.QUIET_UNTIL)] == []


def test_the_exchanged_scanner_and_the_refusals_that_came_with_it_are_all_that_pages(told: Prometheus) -> None:
    found = {asked.where: fires(told, asked, story.END) for asked in in_rules() if asked.where in alerts()}
    assert {alert for alert, result in found.items() if result} == {
        "StepwedgeModelAlarm",
        "StepwedgeCalibrationOff",
        "StepwedgeNewDevice",
        "StepwedgeRefusalsHigh",
        "StepwedgeRemedyUnanswered",
        "StepwedgeRemedyWaiting",
    }
    opened = {(one["metric"]["family"], one["metric"]["kind"], one["metric"]["subgroup"]) for one in found["StepwedgeModelAlarm"]}
    assert opened == {("inputs", "acquisition", "site=south"), ("truth", "calibration", "site=south")}


def test_an_alarm_of_a_family_names_series_of_that_family_only() -> None:
    """The rules know which families of series make an alarm of inputs and which one of truth; so do the detectors."""
    patterns = set(re.findall(r'"([a-z]+(?:\|[a-z]+)+)"', RULES.read_text()))
    assert {family for pattern in patterns for family in pattern.split("|")} == set(get_args(Family))
    assert sorted(len(pattern.split("|")) for pattern in patterns) == [3, 5]
