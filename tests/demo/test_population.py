from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from service.demo.population import Study, studies_of
from service.demo.scenario import Scenario
from tests.demo.builders import make_scenario


@pytest.fixture(scope="module")
def stream() -> list[Study]:
    scenario = make_scenario()
    return [study for day in range(scenario.days) for study in studies_of(scenario, day)]


def _share(studies: list[Study], what: Callable[[Study], object]) -> float:
    return float(np.mean([bool(what(study)) for study in studies]))


def test_a_day_is_the_same_whenever_it_is_asked_for() -> None:
    assert studies_of(make_scenario(), 50) == studies_of(make_scenario(), 50)
    assert studies_of(make_scenario(), 50) != studies_of(make_scenario(seed=2), 50)


def test_frequencies_are_those_published(stream: list[Study]) -> None:
    assert len(stream) / 135 == pytest.approx(40, abs=1.5)
    assert _share(stream, lambda s: s.view == "AP") == pytest.approx(44_810 / 112_120, abs=0.02)
    assert _share(stream, lambda s: s.chest.female) == pytest.approx(48_780 / 112_120, abs=0.02)
    assert np.mean([s.age for s in stream]) == pytest.approx(46.9, abs=2)


def test_weekends_are_quieter(stream: list[Study]) -> None:
    weekend = _share(stream, lambda s: s.received_at.weekday() >= 5)
    assert weekend < 0.24 < 2 / 7


def test_studies_arrive_in_order_and_within_their_day(stream: list[Study]) -> None:
    times = [study.received_at for study in stream]
    assert times == sorted(times)
    assert all((s.received_at.date() - make_scenario().epoch).days == s.day for s in stream)
    assert len({s.number for s in stream}) == len(stream)


def test_one_scanner_is_replaced_at_one_site_on_one_day(stream: list[Study]) -> None:
    rooms = {s.scanner.model for s in stream if s.day >= 80}
    assert {s.day for s in stream if s.scanner.model == "Wedge 500"} == set(range(80, 135))
    assert all(s.site == "north" for s in stream if s.scanner.model == "Wedge 500")
    assert "Wedge 300" not in rooms
    assert {"Clarity", "Wedge Mobile"} < rooms


def test_the_referrals_change_at_the_south_only_and_shadows_stay_as_frequent(stream: list[Study]) -> None:
    def share(site: str, what: Callable[[Study], object], *, after: bool) -> float:
        return _share([s for s in stream if s.site == site and (s.day >= 95) == after], what)

    def opaque(study: Study) -> bool:
        return study.report[0] > 0

    def shadowed(study: Study) -> bool:
        return bool(study.chest.shadows)

    assert share("south", opaque, after=True) < 0.4 * share("south", opaque, after=False)
    assert share("north", opaque, after=True) == pytest.approx(share("north", opaque, after=False), abs=0.05)
    assert share("south", shadowed, after=True) == pytest.approx(share("south", shadowed, after=False), abs=0.04)


def test_acceptance_films_are_read_at_once_and_later_ones_when_somebody_finds_the_time(stream: list[Study]) -> None:
    assert all(s.reported_on == s.day for s in stream if s.day < 45)
    later = [s for s in stream if s.day >= 45]
    never = _share(later, lambda s: s.reported_on is None)
    delays = {
        positive: np.mean([s.reported_on - s.day for s in later if s.reported_on is not None and (max(s.report) > 0) == positive])
        for positive in (True, False)
    }
    assert 0.05 < never < 0.10
    assert 1 < delays[True] < delays[False] < 5


def test_some_films_do_not_say_everything(stream: list[Study]) -> None:
    assert 0.02 < _share(stream, lambda s: "PatientAge" in s.missing) < 0.04


def test_a_story_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="in this order"):
        make_scenario(replacement_day=100, decay_day=90)


def test_the_whole_story_ends_on_the_day_it_is_told_to() -> None:
    end = make_scenario().epoch
    scenario = Scenario.ending(end, seed=1)
    assert scenario.date_of(scenario.days) == end
