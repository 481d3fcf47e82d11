"""Silence: a source that stops pages within days, one that rests does not; on a budget."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.evidence import CAP, CEILING, State, fold_day, silence
from detectors.incident import Incident, incidents, judge, persists
from detectors.series import Counts, Series, Stratum
from detectors.silence import Silence
from detectors.sources import Sources, weekday
from detectors.tally import tally_cells
from tests.detectors.builders import make_reference, make_rows

MONDAY = 20_003
REFERENCE, LIMIT = 180, 160 * 365.0
REST_AT_WEEKENDS = np.array([1, 1, 1, 1, 1, 0, 0])
Ints = NDArray[np.int64]


def regular(own: Ints, others: Ints) -> Sources:
    """What the first days of a stream teach [days, sources]."""
    candidates = Sources(tuple(_source(number) for number in range(own.shape[1])))
    return candidates.learn(MONDAY + np.arange(REFERENCE), [Counts(own[day], own[day] + others[day]) for day in range(REFERENCE)])


def _source(number: int) -> Series:
    return Series("silence", "all", f"Scanner{number:04d}", "", "any", ("low",), (Stratum(((0, 1),), ((0, 1),)),))


def evidence_of(own: Ints, others: Ints) -> NDArray[np.float64]:
    """Evidence over its limit at the end of each day after the reference [days, sources]."""
    sources, found = regular(own, others), []
    state = Silence.start(sources)
    for day in range(REFERENCE, len(own)):
        state = state.after(sources, MONDAY + day, Counts(own[day], own[day] + others[day]), LIMIT**CAP, CEILING * LIMIT)
        found.append(state.weight / LIMIT)
    return np.array(found)


def stream(
    days: int, films: float = 20.0, sources: int = 1, week: NDArray[np.int64] = REST_AT_WEEKENDS, seed: int = 0
) -> tuple[Ints, Ints]:
    """Films of some sources and of all others, day by day; the others work less at weekends."""
    rng, working = np.random.default_rng(seed), week[weekday(MONDAY + np.arange(days))][:, None]
    own = rng.poisson(films * working * rng.gamma(4, 0.25, (days, sources)))
    return own, np.broadcast_to(
        rng.poisson(np.where(REST_AT_WEEKENDS[weekday(MONDAY + np.arange(days))], 80, 30))[:, None], own.shape
    ).copy()


def days_to_page(own: Ints, others: Ints, stops: int) -> int:
    own[REFERENCE + stops :] = 0
    return int((evidence_of(own, others)[stops:, 0] >= 1).argmax()) + 1


@pytest.mark.parametrize(("stops", "days"), [(30, 3), (33, 5), (28, 5)])
def test_a_busy_scanner_that_stops_pages_within_three_of_its_working_days(stops: int, days: int) -> None:
    assert days_to_page(*stream(240), stops) <= days


def test_a_scanner_that_never_works_at_weekends_is_not_silent_on_sunday() -> None:
    assert evidence_of(*stream(REFERENCE + 365)).max() < 0.01


def test_one_silent_day_never_pages() -> None:
    own, others = stream(REFERENCE + 20, films=500.0, week=np.ones(7, dtype=np.int64))
    own[REFERENCE + 5] = 0
    assert evidence_of(own, others).max() < 0.1


def test_a_holiday_on_which_others_are_away_too_says_little_of_one_scanner() -> None:
    own, others = stream(REFERENCE + 20)
    holidays = slice(REFERENCE + 7, REFERENCE + 11)
    own[holidays], others[holidays] = 0, 20
    assert evidence_of(own, others).max() < 0.1


def test_where_nobody_sends_no_single_source_is_to_blame_but_the_whole_is_silent() -> None:
    own, others = stream(REFERENCE + 6, films=100.0, week=np.ones(7, dtype=np.int64))
    own[REFERENCE + 2 :], others[REFERENCE + 2 :] = 0, 0
    assert evidence_of(own, others).max() < 0.01
    assert evidence_of(own, np.zeros_like(own))[3].max() >= 1


def test_pauses_that_the_reference_showed_are_no_news_and_one_that_is_much_longer_is() -> None:
    own, others = stream(REFERENCE + 60, week=np.ones(7, dtype=np.int64))
    for begin in (30, 80, 130, REFERENCE + 3):
        own[begin : begin + 4] = 0
    own[REFERENCE + 20 :] = 0
    found = evidence_of(own, others)
    assert found[:20].max() < 1
    assert found[-1] >= 1


def test_a_source_that_returns_is_silent_no_more() -> None:
    own, others = stream(REFERENCE + 20)
    own[REFERENCE : REFERENCE + 9] = 0
    found = evidence_of(own, others)
    assert found[8] >= 1
    assert found[9:11].max() == 0


def test_sources_that_pause_as_ever_keep_their_share_of_the_budget() -> None:
    """Forty sources a model, busy and rare ones, some pauses of a day; of 160 things watched, so a quarter of one page a year is theirs."""
    models, sources, rng = 10, 40, np.random.default_rng(1)
    films, shape = np.exp(rng.uniform(np.log(1.0), np.log(30), models * sources)), (REFERENCE + 365, models * sources)
    own = rng.poisson(films * rng.gamma(4, 0.25, shape) * (rng.random(shape) > 1 / 365))
    over = evidence_of(own, np.full(shape, 200)) >= 1
    pages = int((over & ~np.vstack([np.zeros((1, over.shape[1]), dtype=bool), over[:-1]])).sum())
    assert pages <= 0.25 * models + 2 * np.sqrt(0.25 * models)


def test_what_comes_too_rarely_is_no_source() -> None:
    own, others = stream(REFERENCE, films=0.05)
    assert regular(own, others).series == ()


def hospital_incidents(days: int, *, silent: str | None, scanner: str = "Beta") -> list[tuple[Incident, ...]]:
    """Incidents at the end of each day on which the south is silent, or all are, or the south has another scanner; then of one quiet day."""
    reference = make_reference(4000, 60)
    state, found = State.start(reference), []
    for day in range(61, 75 + days):
        changed = 70 <= day < 70 + days
        batch, masks = make_rows(70, seed=day, scanner=scanner if changed else "Beta")
        kept = np.ones(70, dtype=bool) if silent is None or not changed else ~masks[silent] if silent != "all" else np.zeros(70, dtype=bool)
        tallies = tally_cells(reference.schema, batch.select(kept), {cell: mask[kept] for cell, mask in masks.items()})
        state = fold_day(reference, state, day, tallies, {})
        found.append(judge(reference, state))
    assert not any(persists(reference, state, family, 70) for family in ("silence",))
    return found


def test_a_site_that_stops_is_one_incident_of_silence_that_names_the_site_and_ends_with_it() -> None:
    found = hospital_incidents(4, silent="site=south")
    kinds = [[one.kind for one in today] for today in found]
    assert kinds[:10] == [[]] * 10
    (first,) = found[10]
    assert (first.family, first.kind, first.cell, first.since) == ("silence", "silence", "site=south", 70)
    assert {"site=south", "all"} == {one.series.cell for one in first.carriers if one.series.family == "silence"}
    assert "no film" in first.summary
    assert found[-1] == () or found[-1][0].family != "silence"


def test_a_stream_that_stops_altogether_is_silent_as_a_whole() -> None:
    found = hospital_incidents(4, silent="all")
    (first,) = found[10]
    assert [one.series.name for one in first.carriers] == ["silence:all:predictions:any"]
    assert first.cell == "all"


def test_a_scanner_that_is_replaced_is_one_incident_of_the_inputs() -> None:
    found = hospital_incidents(4, silent=None, scanner="Gamma")
    (first,) = found[10]
    assert first.family == "inputs"
    assert {"silence", "acquisition"} <= {one.series.family for one in first.carriers}


def test_what_is_silent_is_part_of_the_state_that_is_stored() -> None:
    reference = make_reference(4000, 60)
    state = fold_day(reference, State.start(reference), 61, {}, {})
    assert State.decode(reference, state.encode()).encode() == state.encode()
    assert silence(reference, state).shape == (len(reference.sources.series),)
    assert incidents(reference, state) == ()
