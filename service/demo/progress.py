"""How far the demo came: the story's first day is chosen once and kept in the data folder, so that an interrupted demo goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from service.demo.scenario import Scenario

FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """days_told: days whose films, labels and pass are complete."""

    scenario: Scenario
    days_told: int = 0

    @property
    def told(self) -> bool:
        return self.days_told >= self.scenario.days

    def after(self, day: int) -> Progress:
        """The progress once this day is complete."""
        return replace(self, days_told=day + 1)


def load_progress(data_dir: Path, scenario: Scenario) -> Progress:
    """Where an earlier run of this story stopped, on its own calendar; the beginning of `scenario` where there was none."""
    try:
        stored = json.loads((data_dir / FILE).read_text())
        earlier = replace(scenario, epoch=date.fromisoformat(stored["epoch"]), seed=int(stored["seed"]))
        return Progress(earlier, min(int(stored["days_told"]), scenario.days))
    except (OSError, ValueError, KeyError, TypeError):
        return Progress(scenario)


def save_progress(data_dir: Path, progress: Progress) -> None:
    """Write whole or not at all."""
    data_dir.mkdir(parents=True, exist_ok=True)
    content = {"epoch": progress.scenario.epoch.isoformat(), "seed": progress.scenario.seed, "days_told": progress.days_told}
    beside = data_dir / f"{FILE}.new"
    beside.write_text(json.dumps(content))
    beside.replace(data_dir / FILE)
