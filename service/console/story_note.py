"""The demo's note: which story is told to this service, how far, and what is done to the stream. Only a demo leaves one (service/demo/progress.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that is done to the stream, from its first day up to its end, counted from the story's first.

    asked: family of alarm that it calls for; None where any alarm is a false one.
    """

    first_day: int
    end: int
    done: str
    asked: str | None


@dataclass(frozen=True, slots=True)
class Note:
    """The story of one model version, which was registered at that moment. days_told: days that are complete."""

    model: str
    registered_at: datetime
    epoch: date
    days: int
    days_told: int
    deeds: tuple[Told, ...]

    def day(self, number: int) -> date:
        """A day of the story."""
        return self.epoch + timedelta(days=number)


def read_note(data_dir: Path) -> Note | None:
    """The note; None where no demo runs, or none that says what it does."""
    try:
        stored = json.loads((data_dir / FILE).read_text())
        scenario = stored["scenario"]
        return Note(
            model=str(stored["model"]),
            registered_at=datetime.fromisoformat(stored["registered_at"]),
            epoch=date.fromisoformat(scenario["epoch"]),
            days=int(scenario["days"]),
            days_told=int(stored["days_told"]),
            deeds=tuple(Told(int(one["first_day"]), int(one["end"]), str(one["done"]), one["asked"]) for one in stored["deeds"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
