"""The demo's story: what was done is the demo's note, what was found the store's; without a demo there is none."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from service.config import Settings
from service.console.story_note import FILE, read_note
from service.demo.progress import Progress, save_progress
from service.demo.scenario import Scenario
from service.store.alarms import open_alarm
from service.store.models import champion
from service.store.references import active_reference
from tests.api.readings import END, MONDAY, settle
from tests.api.test_monitoring import make_alarm

STORY = Scenario(epoch=MONDAY.date().replace(month=1, day=1), acceptance_days=60, replacement_day=65, decay_day=70, days=80)
"""Its acceptance ends when MONDAY begins."""


def leave_note(engine: Engine, data_dir: Path, days_told: int = STORY.days) -> None:
    """As a demo that told so many days of it."""
    with engine.connect() as connection:
        version = champion(connection, "chest")
    save_progress(data_dir, Progress(STORY, version.registered_at, days_told, version.model))


@pytest.fixture
def alarm(client: httpx.Client, engine: Engine) -> str:
    """An alarm of the inputs, two days after the scanner was replaced."""
    settle(engine)
    with engine.begin() as connection:
        version = champion(connection, "chest")
        stored = active_reference(connection, version.id)
        assert stored is not None
        alarm = make_alarm(version.id, stored.id, days=7)
        open_alarm(connection, alarm)
    return str(alarm.id)


def test_what_was_done_stands_beside_what_was_found_and_leads_there(
    client: httpx.Client, engine: Engine, settings: Settings, alarm: str
) -> None:
    leave_note(engine, settings.data_dir)
    assert client.get("/").headers["location"] == "/console/story"
    page = client.get("/console/story").text
    quiet, replaced = page.index("quiet, as it should be"), page.index("The scanner of the main room is replaced".removeprefix("The "))
    found, missed = page.index("Found after 2 days and 0 films: A scanner is new."), page.index("not found")
    assert quiet < replaced < found < missed
    assert f'<a href="/console/models/chest/alarms/{alarm}">The alarm</a>' in page
    assert 'href="/console/story"' in client.get("/console/fleet").text


def test_a_story_that_is_being_told_says_how_far_it_is(client: httpx.Client, engine: Engine, settings: Settings, alarm: str) -> None:
    leave_note(engine, settings.data_dir, days_told=66)
    page = client.get("/console/story").text
    assert "day 67 of 80" in page
    assert "is replaced" in page
    assert "acute patients" not in page
    assert alarm not in page


def test_without_a_demo_there_is_no_story(shared: httpx.Client) -> None:
    assert shared.get("/").headers["location"] == "/console/fleet"
    assert shared.get("/console/story").status_code == 404
    assert "/console/story" not in shared.get("/console/fleet").text


def test_the_story_of_another_database_is_not_told(client: httpx.Client, engine: Engine, settings: Settings) -> None:
    save_progress(settings.data_dir, Progress(STORY, END, STORY.days, "chest"))
    assert client.get("/console/story").status_code == 404
    assert client.get("/").headers["location"] == "/console/fleet"


@pytest.mark.parametrize("change", ["nonsense", "no deeds"])
def test_a_note_that_says_nothing_is_none(tmp_path: Path, change: str) -> None:
    save_progress(tmp_path, Progress(STORY, END, STORY.days, "chest"))
    assert read_note(tmp_path) is not None
    stored = json.loads((tmp_path / FILE).read_text())
    del stored["deeds"]
    (tmp_path / FILE).write_text("{" if change == "nonsense" else json.dumps(stored))
    assert read_note(tmp_path) is None
