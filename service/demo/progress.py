"""How far the demo came: the story's first day is chosen once and kept in the data folder, so that an interrupted demo goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from service.demo.scenario import Scenario

FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """registered_at: when the model version came into the database that was streamed to. days_told: days that are complete."""

    scenario: Scenario
    registered_at: datetime
    days_told: int = 0

    @property
    def told(self) -> bool:
        return self.days_told >= self.scenario.days

    def after(self, day: int) -> Progress:
        """The progress once this day is complete."""
        return replace(self, days_told=day + 1)


def load_progress(data_dir: Path, scenario: Scenario, registered_at: datetime) -> Progress:
    """Where an earlier run of this story stopped, on its own calendar; the beginning of `scenario` where there was none with this database."""
    try:
        stored = json.loads((data_dir / FILE).read_text())
        earlier = replace(scenario, epoch=date.fromisoformat(stored["epoch"]), seed=int(stored["seed"]))
        told = min(int(stored["days_told"]), scenario.days) if stored["registered_at"] == registered_at.isoformat() else None
    except (OSError, ValueError, KeyError, TypeError):
        told = None
    return Progress(scenario, registered_at) if told is None else Progress(earlier, registered_at, told)


def save_progress(data_dir: Path, progress: Progress) -> None:
    """Write whole or not at all."""
    data_dir.mkdir(parents=True, exist_ok=True)
    content = {
        "epoch": progress.scenario.epoch.isoformat(),
        "seed": progress.scenario.seed,
        "registered_at": progress.registered_at.isoformat(),
        "days_told": progress.days_told,
    }
    beside = data_dir / f"{FILE}.new"
    beside.write_text(json.dumps(content))
    beside.replace(data_dir / FILE)
