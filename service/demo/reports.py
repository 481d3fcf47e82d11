"""The readers' reports on their way: what is due on a day goes to the label endpoint, by instance UID, as a RIS would send it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx

from service.demo.film import instance_uid
from service.demo.population import Study, studies_of
from service.demo.scenario import FINDINGS, Scenario
from service.errors import SetupError

LONGEST_DELAY_DAYS = 60
EVENING = timedelta(hours=23, minutes=59)


def due(scenario: Scenario, day: int) -> tuple[Study, ...]:
    """The studies whose report is given on this day."""
    earlier = range(max(0, day - LONGEST_DELAY_DAYS), day + 1)
    return tuple(study for earlier_day in earlier for study in studies_of(scenario, earlier_day) if study.reported_on == day)


def lines(model: str, studies: tuple[Study, ...], made_at: datetime) -> Iterator[str]:
    """One JSON line a finding."""
    for study in studies:
        for finding, value in zip(FINDINGS, study.report, strict=True):
            statement = {
                "model": model,
                "instance": instance_uid(study),
                "finding": finding,
                "value": value,
                "source": "report",
                "made_at": made_at.isoformat(),
            }
            yield json.dumps(statement)


def send_reports(client: httpx.Client, model: str, scenario: Scenario, day: int) -> int:
    """Send what is due on a day; returns how many studies were reported."""
    studies = due(scenario, day)
    if not studies:
        return 0
    made_at = scenario.midnight(day) + EVENING
    reply = client.post(
        "/v1/labels",
        content="\n".join(lines(model, studies, made_at)) + "\n",
        headers={"Content-Type": "application/x-ndjson", "Stepwedge-Received-At": made_at.isoformat()},
    )
    if reply.status_code != httpx.codes.OK:
        raise SetupError(f"The gateway answered the demo's labels with {reply.status_code}.")
    return len(studies)
