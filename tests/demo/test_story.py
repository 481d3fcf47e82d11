"""A short story from end to end: films and reports over HTTP to a real gateway, a real Postgres, the worker's own passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from service.config import Settings
from service.demo import story
from service.demo.population import studies_of
from service.demo.report import Report
from service.demo.scenario import Scenario
from service.store.engine import open_engine
from service.store.tables import labels, predictions
from tests import postgres
from tests.callers import TEST_KEY
from tests.running import running_gateway

SHORT = Scenario(epoch=date(2026, 3, 2), acceptance_days=10, replacement_day=13, decay_day=16, days=16, studies_a_day=45)


@dataclass(frozen=True)
class Played:
    told: Report
    lines: list[str]
    again: list[str]
    address: str
    database_url: str
    data_dir: Path


class UnpluggedError(Exception):
    """Somebody pulled the plug in the middle of the story."""


@pytest.fixture(scope="module")
def played(server_url: str, migrated_template: str) -> Iterator[Played]:
    """The short story: interrupted, taken up again and told to its end, then asked for once more."""
    lines: list[str] = []
    again: list[str] = []
    with (
        postgres.reachable_folder() as folder,
        postgres.database(server_url, migrated_template) as url,
        running_gateway(url, folder) as address,
    ):
        settings = Settings(data_dir=folder, api_key=SecretStr(TEST_KEY))
        with pytest.raises(UnpluggedError):
            story.run(settings, database_url=url, address=address, echo=_until_day_five, scenario=SHORT)
        told = story.run(settings, database_url=url, address=address, echo=lines.append)
        story.run(settings, database_url=url, address=address, echo=again.append)
        yield Played(told, lines, again, address, url, folder)


def _until_day_five(line: str) -> None:
    if line.startswith("day   5"):
        raise UnpluggedError


def _count(played: Played, table: object) -> int:
    engine = open_engine(played.database_url)
    with engine.connect() as connection:
        found = connection.scalar(select(func.count()).select_from(table))  # type: ignore[arg-type]  # a table of ours
    engine.dispose()
    return int(found or 0)


def test_the_new_scanner_is_found_within_three_days_and_nothing_before(played: Played) -> None:
    alarm = played.told.alarm_for("inputs")
    assert alarm is not None
    assert played.told.false_alarms == ()
    assert (alarm.opened_at - SHORT.midnight(SHORT.replacement_day)).days <= 3
    assert {carrier.feature for carrier in alarm.carriers} & {"ManufacturerModelName", "SoftwareVersions", "DetectorID"}
    assert alarm.cell == "site=north"


def test_every_film_is_one_row_and_every_due_report_is_two_labels(played: Played) -> None:
    studies = [study for day in range(SHORT.days) for study in studies_of(SHORT, day)]
    reported = [study for study in studies if study.reported_on is not None and study.reported_on < SHORT.days]
    assert _count(played, predictions) == len(studies)  # though the interrupted day was sent twice
    assert _count(played, labels) == 2 * len(reported)


def test_an_interrupted_story_goes_on_where_it_stopped(played: Played) -> None:
    assert "It was interrupted after day 5 and goes on there." in played.lines
    assert [line[:7] for line in played.lines if "films/s" in line] == ["day  10", "day  15", "day  16"]


def test_the_table_says_what_was_done_and_what_was_found(played: Played) -> None:
    text = "\n".join(played.lines)
    assert "synthetic" in played.lines[0]
    assert "ALARM at the end of day" in text
    assert "acquisition shift in site=north" in " ".join(text.split())
    assert played.address in text


def test_a_story_that_was_told_is_only_shown_again(played: Played) -> None:
    assert not any("films/s" in line for line in played.again)
    table = [line for line in played.lines if "acceptance: every film" in line]
    assert table
    assert all(line in played.again for line in table)


def test_the_film_left_for_the_reader_gets_an_answer(played: Played) -> None:
    film = played.data_dir / "demo-film.dcm"
    reply = httpx.post(
        f"{played.address}/v1/models/chest-demo/predictions", content=film.read_bytes(), headers={"Content-Type": "application/dicom"}
    )
    assert reply.status_code == 200
    assert {finding["name"] for finding in reply.json()["findings"]} == {"opacity", "cardiomegaly"}
    assert reply.json()["replayed"] is False


def test_the_alarm_is_there_for_whoever_asks_the_gateway(played: Played) -> None:
    reply = httpx.get(f"{played.address}/v1/models/chest-demo/alarms")
    assert reply.status_code == 200
    assert "ManufacturerModelName" in reply.text
