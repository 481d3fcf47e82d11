from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from service.demo.progress import FILE, Progress, load_progress, save_progress
from tests.demo.builders import make_scenario

REGISTERED = datetime(2026, 3, 2, 8, 15, 30, 123456, tzinfo=UTC)


def test_a_first_run_begins_at_the_beginning(tmp_path: Path) -> None:
    assert load_progress(tmp_path, make_scenario(), REGISTERED) == Progress(make_scenario(), REGISTERED)


def test_an_interrupted_demo_goes_on_with_its_own_calendar(tmp_path: Path) -> None:
    own = make_scenario(seed=5, days=100, studies_a_day=12.5)
    save_progress(tmp_path / "new", Progress(own, REGISTERED).after(11))
    later = load_progress(tmp_path / "new", make_scenario(epoch=date(2027, 1, 1)), REGISTERED)
    assert later == Progress(own, REGISTERED, days_told=12)
    assert not later.told


def test_a_told_story_stays_told(tmp_path: Path) -> None:
    save_progress(tmp_path, Progress(make_scenario(), REGISTERED).after(134))
    assert load_progress(tmp_path, make_scenario(), REGISTERED).told


def test_another_database_is_told_the_story_anew(tmp_path: Path) -> None:
    save_progress(tmp_path, Progress(make_scenario(seed=5), REGISTERED).after(134))
    elsewhere = REGISTERED + timedelta(days=1)
    assert load_progress(tmp_path, make_scenario(), elsewhere) == Progress(make_scenario(), elsewhere)


def test_a_damaged_note_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"epoch": "yesterday"}')
    assert load_progress(tmp_path, make_scenario(), REGISTERED) == Progress(make_scenario(), REGISTERED)
