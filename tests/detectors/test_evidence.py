from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from detectors.budget import limit
from detectors.evidence import BEFORE, CEILING, KIND, VERSION, State, evidence, fold_day
from detectors.packing import DecodeError, pack, unpack
from detectors.reference import Reference
from detectors.tally import Tally, tally_cells
from tests.detectors.builders import make_plan, make_reference, make_rows

UNSEEN = "acquisition:all:ManufacturerModelName:unseen"
FEMALE = "acquisition:all:PatientSex:M"

Day = Mapping[str, Tally]


@cache
def reference() -> Reference:
    return make_reference(4000, 60)


def make_day(seed: int, films: int = 40, **changes: Any) -> Day:
    return tally_cells(reference().schema, *make_rows(films, seed=seed, **changes))


def fold(days: Iterable[Day], state: State | None = None, matured: Mapping[int, Day] | None = None) -> State:
    state = state or State.start(reference())
    for day in days:
        number = state.day + 1
        state = fold_day(reference(), state, number, day, (matured or {}).get(number, {}))
    return state


def evidence_of(name: str, state: State) -> float:
    return float(evidence(reference(), state)[[one.name for one in reference().series].index(name)])


def broken(seed: int, films: int = 40) -> Day:
    return make_day(seed, films, scanner="Gamma", brightness=60.0, embedding=30.0, missing=1.0, shift=9.0)


def test_quiet_days_page_nobody() -> None:
    state = fold(make_day(seed) for seed in range(120))
    assert evidence(reference(), state).max() < 0.05


def test_one_overwhelming_day_never_pages_and_two_do() -> None:
    quiet = fold(make_day(seed) for seed in range(60))
    first = fold([broken(1, films=5000)], quiet)
    assert evidence(reference(), first).max() < 1
    assert evidence_of(UNSEEN, fold([broken(2, films=5000)], first)) >= 1


def test_one_overwhelming_day_never_pages_even_after_a_week_of_slight_doubt() -> None:
    quiet = fold(make_day(seed) for seed in range(30))
    doubted = State(**{**{name: getattr(quiet, name) for name in quiet.__dataclass_fields__}, "weight": np.maximum(quiet.weight, 50)})
    assert evidence(reference(), fold([broken(1, films=5000)], doubted)).max() < 1


def test_a_new_scanner_in_one_of_two_rooms_pages_within_two_days() -> None:
    quiet = fold(make_day(seed) for seed in range(30))
    assert evidence_of(UNSEEN, fold((make_day(seed, scanner="Gamma") for seed in (500, 501)), quiet)) >= 1


def test_one_odd_film_pages_nobody_and_a_few_on_two_days_do() -> None:
    quiet = fold(make_day(seed) for seed in range(30))
    few = [make_day(seed, scanner="Gamma", unseen=0.25) for seed in (600, 601)]
    odd = with_unseen(make_day(602), 1)
    assert evidence_of(UNSEEN, fold([odd, make_day(603)], quiet)) < 0.05
    assert evidence_of(UNSEEN, fold(few, quiet)) >= 1


def with_unseen(day: Day, films: int) -> Day:
    """Some films of a day come from a scanner that the reference does not know."""
    block = reference().schema.blocks["feature/ManufacturerModelName"]
    vector = day["all"].vector.copy()
    vector[block.start] -= films
    vector[block.stop - 2] += films
    return {**day, "all": Tally(reference().schema, vector)}


def test_evidence_within_a_day_arrives_at_that_of_the_whole_day() -> None:
    quiet = fold(make_day(seed) for seed in range(5))
    morning, afternoon = make_day(50, films=20, scanner="Gamma"), make_day(51, films=20, scanner="Gamma")
    whole = {cell: morning[cell] + afternoon[cell] for cell in morning}
    noon, night = fold([morning], quiet), fold([whole], quiet)
    assert 0 < evidence_of(UNSEEN, noon) < 1
    assert night.encode() == fold([whole], quiet).encode()
    assert night.n[-1].sum() == 0
    assert (night.n >= noon.n)[night.onset >= 0].all()


def test_a_replay_from_any_checkpoint_gives_the_same_bytes() -> None:
    days = [make_day(seed, scanner="Gamma" if seed > 15 else "Beta") for seed in range(20)]
    straight = fold(days, matured=dict(enumerate(days)))
    for cut in (1, 10, 17):
        checkpoint = State.decode(reference(), fold(days[:cut], matured=dict(enumerate(days))).encode())
        assert fold(days[cut:], checkpoint, matured=dict(enumerate(days))).encode() == straight.encode()


def test_a_day_without_films_changes_nothing_but_the_date() -> None:
    before = fold(make_day(seed) for seed in range(5))
    after = fold_day(reference(), before, 9, {}, {})
    assert after.day == 9
    assert np.array_equal(before.weight, after.weight, equal_nan=True)
    assert np.array_equal(before.onset, after.onset)


def test_series_that_rest_on_labels_move_with_matured_days_only() -> None:
    labels = np.array([one.matured for one in reference().series])
    start = State.start(reference())
    fresh = fold_day(reference(), start, 0, make_day(1), {})
    old = fold_day(reference(), start, 0, {}, make_day(1))
    assert (fresh.weight[labels][~np.isnan(fresh.weight[labels])] == 0).all()
    assert (old.weight[~labels][~np.isnan(old.weight[~labels])] == 0).all()
    assert np.nanmax(fresh.weight[~labels]) > 0
    assert np.nanmax(old.weight[labels]) > 0


def test_evidence_is_held_and_sinks_when_the_drift_goes() -> None:
    state = fold(make_day(seed, scanner="Gamma") for seed in range(200))
    assert evidence_of(UNSEEN, state) == pytest.approx(CEILING, rel=1e-5)
    sinking = [evidence_of(UNSEEN, state := fold([make_day(900 + day)], state)) for day in range(20)]
    assert sinking[0] < CEILING
    assert max(sinking[5:]) < 0.1


def test_the_onset_is_the_day_on_which_the_change_began() -> None:
    state = fold(make_day(seed, scanner="Gamma" if seed >= 23 else "Beta") for seed in range(26))
    series = [one.name for one in reference().series].index(UNSEEN)
    assert state.onset[series].tolist() == [-1, 23]
    assert state.n[series, 1] == 120
    assert state.k[series, 1] / 120 == pytest.approx(0.5, abs=0.1)


def test_a_slow_change_is_dated_within_days() -> None:
    state = fold(make_day(seed, brightness=8.0 if seed >= 40 else 0.0) for seed in range(50))
    series = next(place for place, one in enumerate(reference().series) if one.feature == "brightness" and one.bin.startswith("from"))
    assert abs(int(state.onset[series, 1]) - 40) <= 3


def test_a_rate_inside_its_band_gathers_no_evidence_however_many_films_there_are() -> None:
    inside = fold(make_day(seed, films=2000, south_log_odds=0.3, north_log_odds=0.3) for seed in range(20))
    assert evidence(reference(), inside).max() < 0.05


def test_days_are_folded_in_order_and_with_their_own_reference() -> None:
    state = fold([make_day(1)])
    with pytest.raises(ValueError, match="in order"):
        fold_day(reference(), state, state.day, make_day(2), {})
    with pytest.raises(ValueError, match="one reference"):
        fold_day(make_reference(600, 10), state, state.day + 1, {}, {})


def test_a_state_of_another_reference_or_damaged_is_refused() -> None:
    encoded = fold([make_day(1)]).encode()
    with pytest.raises(DecodeError, match="another reference"):
        State.decode(make_reference(600, 10), encoded)
    for broken_bytes in (encoded[:-1], b"SWRF" + encoded[4:], encoded[:30] + bytes([encoded[30] ^ 4]) + encoded[31:]):
        with pytest.raises(DecodeError):
            State.decode(reference(), broken_bytes)


def test_a_state_of_the_release_before_goes_on_as_one_that_has_followed_nothing() -> None:
    state = fold(make_day(seed) for seed in range(10))
    header, arrays = unpack(KIND, VERSION, state.encode())
    old = State.decode(
        reference(), pack(KIND, BEFORE, header, {name: one for name, one in arrays.items() if name not in {"followed", "paged"}})
    )
    assert np.array_equal(old.weight, state.weight, equal_nan=True)
    assert not old.followed.any()
    assert not old.paged.any()


def test_when_an_alarm_is_over_its_evidence_begins_anew() -> None:
    name = [one.name for one in reference().series].index(UNSEEN)
    state = fold(make_day(seed, scanner="Gamma") for seed in range(10))
    assert state.paged[name]
    while state.paged[name]:
        before, state = state, fold([make_day(100 + state.day)], state)
    assert np.nanmax(before.weight[name]) > np.nanmax(state.weight[name]) == 0


def test_twice_the_budget_is_half_the_limit() -> None:
    assert limit(300, 2.0) == limit(300, 1.0) / 2


def test_a_plan_with_another_budget_pages_at_another_evidence() -> None:
    strict, loose = (make_reference(plan=make_plan(alarms_per_year=rate)) for rate in (0.5, 4.0))
    day = make_day(3, scanner="Gamma", films=12)
    states = [fold_day(one, State.start(one), 0, day, {}) for one in (strict, loose)]
    assert evidence(loose, states[1]).max() > evidence(strict, states[0]).max()
