"""Rhythm: the weekend's mix of patients neither pages nor hides what changes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from detectors.evidence import State, evidence, fold_day
from detectors.reference import Reference, build_reference
from detectors.rhythm import SATURDAY, SUNDAY, WORKING, kinds_of, learn_shifts, usual_films
from detectors.sources import weekday
from detectors.tally import Tally, tally_cells
from tests.detectors.builders import make_batch, make_plan

MONDAY, REFERENCE_DAYS = 20_003, 84
AP = "acquisition:all:ViewPosition:AP"


def films_of(day: int) -> int:
    return 60 if weekday(np.array(day)) < 5 else 20


def is_rest(day: int) -> bool:
    return bool(weekday(np.array(day)) >= 5)


def batch_of(day: int, films: int, bedside: float):
    """A day's films; at weekends most are taken at the bedside."""
    batch = make_batch(films, seed=day)
    share = 0.75 if films <= 30 else 0.15
    rng = np.random.default_rng(day)
    views = np.where(rng.random(films) < np.clip(share + bedside, 0, 1), "AP", "PA").astype(object)
    batch.categorical["ViewPosition"][:] = views
    return batch


@pytest.fixture(scope="module")
def reference() -> Reference:
    batches = [batch_of(MONDAY + day, films_of(MONDAY + day), 0.0) for day in range(REFERENCE_DAYS)]
    joined = batches[0].__class__(
        scores=np.concatenate([one.scores for one in batches]),
        labels=np.concatenate([one.labels for one in batches]),
        numeric={name: np.concatenate([one.numeric[name] for one in batches]) for name in batches[0].numeric},
        categorical={name: np.concatenate([one.categorical[name] for one in batches]) for name in batches[0].categorical},
        embedding=np.concatenate([one.embedding for one in batches]),
    )
    days = np.repeat(MONDAY + np.arange(REFERENCE_DAYS), [len(one) for one in batches])
    return build_reference(make_plan(cells=()), joined, {}, days)


def folded(reference: Reference, days: Mapping[int, tuple[int, float]]) -> float:
    """Largest evidence of any series over some days: day -> films, added share."""
    state, most = State.start(reference), 0.0
    for day, (films, bedside) in days.items():
        today: Mapping[str, Tally] = tally_cells(reference.schema, batch_of(day, films, bedside), {})
        state = fold_day(reference, state, day, today, {})
        most = max(most, float(evidence(reference, state).max()))
    return most


def later(days: int) -> range:
    return range(MONDAY + REFERENCE_DAYS, MONDAY + REFERENCE_DAYS + days)


def test_weekends_as_in_the_reference_page_nobody(reference: Reference) -> None:
    assert folded(reference, {day: (films_of(day), 0.0) for day in later(120)}) < 1


def test_holidays_on_working_days_are_sundays(reference: Reference) -> None:
    holidays = {day: (20 if is_rest(day) or 0 <= day - MONDAY - REFERENCE_DAYS - 28 < 5 else 60, 0.0) for day in later(60)}
    assert folded(reference, holidays) < 1


def test_a_weekend_mix_on_working_days_is_seen_as_fast_as_without_weekends(reference: Reference) -> None:
    changed = {day: (films_of(day), 0.3 if day >= MONDAY + REFERENCE_DAYS + 28 else 0.0) for day in later(32)}
    assert folded(reference, changed) >= 1


def test_the_level_of_a_series_with_a_strong_weekend_is_still(reference: Reference) -> None:
    place = [one.name for one in reference.series].index(AP)
    known = reference.estimates
    assert known.level[place] + known.white[place] < 0.1
    assert reference.rhythm.shifts[SUNDAY, place] > 1
    assert reference.rhythm.shifts[WORKING, place] < 0


def test_series_without_a_rhythm_keep_none() -> None:
    rng, days = np.random.default_rng(0), np.arange(180)
    kinds = kinds_of(days, np.full(180, 50), usual_films(days, np.full(180, 50)))
    k = rng.binomial(50, 0.2, (180, 300))
    shifts, doubts = learn_shifts(kinds, k - 10.0, np.full(k.shape, 8.0))
    assert np.median(np.abs(shifts[SATURDAY])) < 0.02
    assert np.abs(shifts).max() < 0.4
    assert doubts.max() < 0.3
