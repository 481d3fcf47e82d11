"""Kinds of shift, told from tallies alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from detectors.examples import telling
from detectors.reference import Reference
from detectors.shift import Shift, identify
from detectors.tally import Tally, tally
from tests.detectors.builders import make_batch, make_reference


@cache
def reference() -> Reference:
    return make_reference(6000, 60)


def shift_of(n: int = 1000, seed: int = 1, **changes: Any) -> Shift:
    found = identify(reference(), tally(reference().schema, make_batch(n, seed=seed, **changes)))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(10))
def test_a_quiet_window_has_no_shift(seed: int) -> None:
    assert shift_of(seed=seed) == Shift("none", (), (), 1000)


@pytest.mark.parametrize("seed", range(3))
def test_a_finding_that_becomes_more_frequent_is_a_shift_of_prevalence_by_about_as_much(seed: int) -> None:
    found = shift_of(seed=seed, prevalence=1.2)
    (moved,) = found.prevalences
    labels = make_batch(1000, seed=seed, prevalence=1.2).labels
    assert (found.kind, found.carriers) == ("prevalence", ())
    assert moved.finding == "opacity"
    assert moved.now == pytest.approx(labels.mean(), abs=0.06)


@pytest.mark.parametrize(
    ("changes", "feature"),
    [({"scanner": "Gamma", "brightness": 5.0}, "ManufacturerModelName"), ({"brightness": 5.0}, "brightness"), ({"missing": 0.2}, "KVP")],
)
def test_films_that_look_otherwise_are_a_shift_of_acquisition_and_what_moved_is_named_first(changes: dict[str, Any], feature: str) -> None:
    found = shift_of(**changes)
    assert (found.kind, found.prevalences) == ("acquisition", ())
    assert feature in {one.subject for one in found.carriers[: 2 if feature == "KVP" else 1]}


def test_both_at_once_are_both() -> None:
    assert shift_of(brightness=6.0, prevalence=1.2).kind == "both"


def test_scores_that_no_prevalence_explains_are_a_shift_of_acquisition() -> None:
    found = shift_of(shift=3.0)
    assert (found.kind, [one.subject for one in found.carriers]) == ("acquisition", ["opacity"])


def test_few_films_have_no_kind() -> None:
    assert identify(reference(), Tally.zero(reference().schema)) is None


def test_without_labels_in_the_reference_no_prevalence_is_told_and_films_still_are() -> None:
    bare = make_reference(2000, 40, labelled=0.0)
    found = identify(bare, tally(bare.schema, make_batch(1000, seed=1, brightness=6.0)))
    assert found is not None
    assert (found.kind, found.prevalences) == ("acquisition", ())


def test_the_reference_keeps_its_profiles() -> None:
    again = Reference.from_bytes(reference().to_bytes())
    window = tally(reference().schema, make_batch(500, seed=1, prevalence=1.2))
    assert identify(again, window) == identify(reference(), window)


def test_examples_of_a_series_are_its_hits_the_most_extreme_first() -> None:
    batch = make_batch(300, seed=2, scanner="Gamma", unseen=0.2)
    series = {one.name: one for one in reference().series}
    unseen = telling(reference(), series["acquisition:all:ManufacturerModelName:unseen"], 1, batch, 5)
    assert [batch.categorical["ManufacturerModelName"][row] for row in unseen] == ["Gamma"] * 5
    bright = next(one for name, one in series.items() if name.startswith("image:all:brightness:from"))
    found = batch.numeric["brightness"][telling(reference(), bright, 1, batch, 3)]
    assert sorted(found, reverse=True) == list(found) == list(np.sort(batch.numeric["brightness"])[::-1][:3])
