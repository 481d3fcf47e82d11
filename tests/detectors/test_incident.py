from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from detectors.evidence import State, fold_day
from detectors.incident import Incident, judge, persists
from detectors.reference import Reference
from detectors.tally import tally_cells
from tests.detectors.builders import make_reference, make_rows

CHANGE = 30


@cache
def reference() -> Reference:
    return make_reference(6000, 90)


def first_incidents(days: int = 60, films: int = 80, **changes: Any) -> tuple[Incident, ...]:
    """Incidents on the first day that has any, after CHANGE quiet days."""
    state, past = State.start(reference()), {}
    for day in range(CHANGE + days):
        past[day] = tally_cells(reference().schema, *make_rows(films, seed=7000 + day, **(changes if day >= CHANGE else {})))
        state = fold_day(reference(), state, day, past[day], past.get(day - reference().plan.label_maturity_days, {}))
        if found := judge(reference(), state, past):
            return found
    return ()


def test_a_quiet_stream_has_no_incident() -> None:
    assert first_incidents(days=120) == ()


def test_a_new_scanner_is_named_first_with_its_site_and_day_whatever_else_moves_with_it() -> None:
    (found,) = first_incidents(scanner="Gamma", brightness=8.0, embedding=1.0)
    assert (found.family, found.kind, found.cell) == ("inputs", "acquisition", "site=south")
    assert found.carriers[0].series.name == "acquisition:all:ManufacturerModelName:unseen"
    assert found.since == CHANGE
    assert found.carriers[0].reference_rate == 0
    assert found.carriers[0].rate == pytest.approx(0.5, abs=0.15)
    assert "ManufacturerModelName unseen" in found.summary


def test_a_change_everywhere_lives_in_all() -> None:
    (found,) = first_incidents(brightness=10.0)
    assert (found.kind, found.cell) == ("acquisition", "all")
    assert found.carriers[0].series.feature == "brightness"


def test_without_recent_tallies_inputs_live_in_all() -> None:
    state = State.start(reference())
    for day in range(3):
        state = fold_day(reference(), state, day, tally_cells(reference().schema, *make_rows(80, seed=day, scanner="Gamma")), {})
    (found,) = judge(reference(), state)
    assert found.cell == "all"


def test_a_finding_that_becomes_more_frequent_is_a_shift_of_prevalence() -> None:
    (found,) = first_incidents(prevalence=1.5, labelled=0.0)
    assert (found.family, found.kind) == ("inputs", "prevalence")
    assert found.carriers[0].series.family == "score"


def test_a_finding_that_becomes_more_frequent_on_films_that_look_otherwise_is_both() -> None:
    (found,) = first_incidents(prevalence=1.5, brightness=8.0, labelled=0.0)
    assert found.kind == "both"


@pytest.mark.parametrize(
    ("changes", "cell"), [({"south_log_odds": 1.3}, "site=south"), ({"north_log_odds": 1.3, "south_log_odds": 1.3}, "all")]
)
def test_calibration_that_decays_is_named_with_the_cell_in_which_it_does(changes: dict[str, Any], cell: str) -> None:
    (found,) = first_incidents(**changes)
    assert (found.family, found.kind, found.cell) == ("truth", "calibration", cell)
    assert found.carriers[0].series.family == "calibration"
    assert abs(found.since - CHANGE) <= 5


def test_positives_that_become_invisible_are_a_matter_of_truth() -> None:
    (found,) = first_incidents(hidden=0.5)
    assert found.family == "truth"
    assert found.kind in {"performance", "calibration"}


def test_later_series_attach_to_the_same_incident_and_it_ends_with_its_cause() -> None:
    state, past, sizes = State.start(reference()), {}, []
    for day in range(80):
        changes = {"scanner": "Gamma", "brightness": 6.0} if day < 20 else {}
        past[day] = tally_cells(reference().schema, *make_rows(80, seed=day, **changes))
        state = fold_day(reference(), state, day, past[day], {})
        incidents = judge(reference(), state, past)
        assert len(incidents) <= 1
        sizes.append(len(incidents[0].carriers) if incidents else 0)
    assert sizes[1] < sizes[19]
    assert sizes[-1] == 0
    assert not persists(reference(), state, "inputs", 0)


def test_carriers_stand_in_the_order_of_their_surprise() -> None:
    (found,) = first_incidents(days=10, embedding=3.0, brightness=12.0)
    surprises = [one.surprise for one in found.carriers]
    assert surprises == sorted(surprises, reverse=True)
    assert all(one.evidence >= 0.1 for one in found.carriers)
