"""What is drawn to be read stays a fair sample, and buys more than chance alone would."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.intervals import wilson
from detectors.reference import Reference
from detectors.tally import tally
from detectors.verification import Shares, Verified
from detectors.worklist import after_reading, chances, draw, expected_positive, strata_of
from tests.detectors.builders import make_batch, make_reference


@cache
def reference() -> Reference:
    return make_reference(6000, 60)


@given(st.integers(1, 300), st.integers(1, 80), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_chances_add_up_to_the_reads_and_none_is_left_out(n: int, reads: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = chances(rng.random(n) ** 6, rng.random(n) < 0.1, reads).total
    assert found.sum() == pytest.approx(min(n, reads))
    assert (found > 0).all()
    assert (found <= 1).all()


def test_as_many_are_drawn_as_the_chances_add_up_to_and_each_as_often_as_its_chance_says() -> None:
    rng = np.random.default_rng(0)
    probability = chances(rng.random(60) ** 3, np.arange(60) < 5, 12).total
    times = np.zeros(60)
    for _ in range(4000):
        drawn = draw(probability, rng.integers(0, 2**63, 60).astype(np.uint64), float(rng.random()))
        assert len(drawn) == 12
        times[drawn] += 1
    assert np.abs(times / 4000 - probability).max() < 4 * np.sqrt(0.25 / 4000)


def test_the_same_dice_draw_the_same_films() -> None:
    dice = np.random.default_rng(1).integers(0, 2**63, 50).astype(np.uint64)
    first, again = (draw(np.full(50, 0.2), dice, 0.3) for _ in range(2))
    assert np.array_equal(first, again)


def test_what_was_drawn_and_read_is_unbiased_and_narrower_than_reading_by_chance() -> None:
    batch = make_batch(6000, seed=4, hidden=0.1, prevalence=-2.0)
    scores, schema = batch.scores[:, 0], reference().schema
    truth = batch.labels[:, 0] == 1
    sensitivity = float((scores >= 0)[truth].mean())
    known = Verified.of(schema, [reference().tallies["all"]], "opacity")
    positive = expected_positive(schema, known, "opacity", scores)
    rng = np.random.default_rng(0)
    values: dict[str, list[float]] = {"chance": [], "worklist": []}
    for name, probability in (
        ("chance", np.full(6000, 300 / 6000)),
        ("worklist", chances(np.sqrt(positive * (1 - positive)), np.zeros(6000, dtype=bool), 300).total),
    ):
        for _ in range(60):
            drawn = draw(probability, rng.integers(0, 2**63, 6000).astype(np.uint64), float(rng.random()))
            labels = np.full((6000, 1), np.nan)
            labels[drawn] = batch.labels[drawn]
            read = replace(batch, labels=labels, weights=(1 / probability)[:, None])
            values[name].append(float(shares(read).value[0]))
    assert abs(np.mean(values["worklist"]) - sensitivity) < 4 * np.std(values["worklist"]) / np.sqrt(60) + 0.01
    assert np.std(values["worklist"]) < 0.85 * np.std(values["chance"])


def shares(read) -> Shares:
    return Verified.of(reference().schema, [tally(reference().schema, read)], "opacity").share("sensitivity")


def test_the_interval_that_is_promised_is_about_the_one_that_comes() -> None:
    schema, batch = reference().schema, make_batch(6000, seed=4)
    scores = batch.scores[:, 0]
    unread = replace(batch, labels=np.where(scores[:, None] >= 0, batch.labels, np.nan))
    now = Verified.of(schema, [tally(schema, unread)], "opacity")
    assert now.share("sensitivity").reasons[0]
    films = np.flatnonzero(scores < 0)
    positive = expected_positive(schema, Verified.of(schema, [reference().tallies["all"]], "opacity"), "opacity", scores[films])
    probability = chances(np.sqrt(positive * (1 - positive)), np.zeros(len(films), dtype=bool), 200).total
    then = after_reading(now, strata_of(schema, "opacity", scores[films]), probability, positive).share("sensitivity")
    drawn = films[draw(probability, np.random.default_rng(2).integers(0, 2**63, len(films)).astype(np.uint64), 0.5)]
    labels, weights = unread.labels.copy(), np.ones((6000, 1))
    labels[drawn], weights[films] = batch.labels[drawn], (1 / probability)[:, None]
    came = shares(replace(batch, labels=labels, weights=weights))
    promised, real = (wilson(float(one.hits[0]), float(one.n[0])) for one in (then, came))
    assert promised.high - promised.low == pytest.approx(real.high - real.low, rel=0.35)
