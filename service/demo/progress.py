"""How far the demo came: the story's calendar is chosen once and kept in the data folder, so that an interrupted demo goes on.

What is done to the stream is written beside it, for the console, which tells the story beside what the store says was found.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path

from service.demo.deeds import deeds_of
from service.demo.scenario import Scenario

FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """registered_at: when the model version came into the database that was streamed to. days_told: days that are complete.

    model: with which the story is told; the console looks it up (service/console/story.py).
    """

    scenario: Scenario
    registered_at: datetime
    days_told: int = 0
    model: str = ""

    @property
    def told(self) -> bool:
        return self.days_told >= self.scenario.days

    def after(self, day: int) -> Progress:
        """The progress once this day is complete."""
        return replace(self, days_told=day + 1)


def load_progress(data_dir: Path, scenario: Scenario, registered_at: datetime) -> Progress:
    """Where an earlier run with this database stopped, on its own calendar; the beginning of `scenario` where there was none."""
    beginning = Progress(scenario, registered_at)
    try:
        stored = json.loads((data_dir / FILE).read_text())
        calendar = Scenario(**{**stored["scenario"], "epoch": date.fromisoformat(stored["scenario"]["epoch"])})
        earlier = Progress(calendar, datetime.fromisoformat(stored["registered_at"]), int(stored["days_told"]))
    except (OSError, ValueError, KeyError, TypeError):
        return beginning
    return earlier if earlier.registered_at == registered_at else beginning


def save_progress(data_dir: Path, progress: Progress) -> None:
    """Write whole or not at all."""
    data_dir.mkdir(parents=True, exist_ok=True)
    content = {
        "scenario": {**asdict(progress.scenario), "epoch": progress.scenario.epoch.isoformat()},
        "registered_at": progress.registered_at.isoformat(),
        "days_told": progress.days_told,
        "model": progress.model,
        "deeds": [asdict(deed) for deed in deeds_of(progress.scenario)],
    }
    beside = data_dir / f"{FILE}.new"
    beside.write_text(json.dumps(content))
    beside.replace(data_dir / FILE)
