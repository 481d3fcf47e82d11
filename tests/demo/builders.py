"""Studies with defaults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from service.demo.phantom import Chest
from service.demo.population import Study
from service.demo.scanner import NORTH
from service.demo.scenario import Scenario


def make_scenario(**changes: Any) -> Scenario:
    return replace(Scenario(epoch=date(2026, 3, 2)), **changes)


def make_chest(**changes: Any) -> Chest:
    return replace(Chest(female=False, age=50, view="PA", heart=0.45, girth=1.0, inspiration=0.97, shadows=()), **changes)


def make_study(**changes: Any) -> Study:
    study = Study(
        number=7,
        day=0,
        received_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        site="north",
        scanner=NORTH,
        age=50,
        view="PA",
        chest=make_chest(),
        dose=1.0,
        report=(0.0, 0.0),
        reported_on=2,
        missing=frozenset(),
        patient="0123456789",
        grain=(1, 3, 7),
    )
    return replace(study, **changes)
