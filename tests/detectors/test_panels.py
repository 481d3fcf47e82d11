"""What several readers, none infallible, say of a film is right on average, in every stratum, and wide enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from detectors.batch import Batch
from detectors.decision_rates import decision_rates
from detectors.panels import BEYOND, Habit, habits_of, learn_habit, panel_label, relabelled, seen_by
from detectors.reference import Reference, build_reference
from detectors.tally import tally_cells
from tests.detectors.builders import make_plan, make_rows

HABIT = Habit(0.85, 0.95, 0.3)


def pairs_of(seen: NDArray[np.int64], readers: int) -> NDArray[np.int64]:
    unseen = readers - seen
    return np.stack([seen * (seen - 1) // 2, seen * unseen, unseen * (unseen - 1) // 2], axis=1)


def panelled(n: int, seed: int, readers: int = 3) -> tuple[Batch, NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
    """Films read by some readers, the truth of them, and the masks of their cells."""
    batch, masks = make_rows(n, seed=seed)
    truth = batch.labels[:, 0]
    seen = np.random.default_rng(seed).binomial(readers, np.where(truth == 1, HABIT.sensitivity, 1 - HABIT.specificity))
    return replace(batch, labels=seen[:, None] / readers, pairs=pairs_of(seen, readers)[:, None]), truth, masks


@pytest.mark.parametrize("readers", [2, 3, 5])
def test_how_many_saw_it_is_read_off_the_pairs(readers: int) -> None:
    every = np.arange(readers + 1)
    seen, of = seen_by(pairs_of(every, readers))
    assert (seen.tolist(), set(of.tolist())) == (every.tolist(), {readers})


@pytest.mark.parametrize("habit", [HABIT, Habit(0.7, 0.99, 0.02), Habit(0.6, 0.8, 0.5)])
@pytest.mark.parametrize("readers", [2, 3, 6])
def test_a_panels_label_is_one_for_a_positive_and_nothing_for_a_negative_on_average(habit: Habit, readers: int) -> None:
    rng = np.random.default_rng(readers)
    for rate, right in ((habit.sensitivity, 1.0), (1 - habit.specificity, 0.0)):
        labels = [panel_label(habit, seen, readers) for seen in rng.binomial(readers, rate, 40_000).tolist()]
        assert np.mean(labels) == pytest.approx(right, abs=0.02)


def test_readers_no_better_than_chance_give_labels_that_still_can_be_counted() -> None:
    labels = [panel_label(Habit(0.5, 0.5, 0.5), seen, 2) for seen in range(3)] + [
        panel_label(Habit(0.52, 0.5, 0.01), seen, 2) for seen in range(3)
    ]
    assert all(-BEYOND <= one <= 1 + BEYOND for one in labels)


def test_where_the_finding_is_frequent_labels_do_not_lean_towards_where_it_is_rare() -> None:
    batch, truth, _ = panelled(20_000, seed=1)
    assert batch.pairs is not None
    habit = learn_habit(*seen_by(batch.pairs[:, 0]))
    labels = relabelled(batch, ("opacity",), {"opacity": habit}).labels[:, 0]
    for inside in (batch.scores[:, 0] >= 1, batch.scores[:, 0] < -2):
        assert labels[inside].mean() == pytest.approx(truth[inside].mean(), abs=0.015)


def test_a_reference_learns_its_readers_keeps_them_and_measures_the_truth_behind_them() -> None:
    batch, _, masks = panelled(6000, seed=2)
    plan = make_plan()
    habits = habits_of(plan.findings, batch)
    built = build_reference(plan, relabelled(batch, plan.findings, habits), masks, np.arange(6000) * 60 // 6000, habits=habits)
    reference = Reference.from_bytes(built.to_bytes())
    known = reference.habits["opacity"]
    assert (known, reference.digest) == (built.habits["opacity"], built.digest)
    assert known.sensitivity == pytest.approx(0.85, abs=0.02)
    assert known.specificity == pytest.approx(0.95, abs=0.01)
    now, truth, cells = panelled(4000, seed=3)
    window = tally_cells(reference.schema, relabelled(now, reference.plan.findings, reference.habits), cells)
    found = {one.name: one for one in decision_rates(reference, window) if one.cell == "all"}
    flagged = now.scores[:, 0] >= 0
    assert found["positive_predictive_value"].value == pytest.approx(truth[flagged].mean(), abs=0.02)
    assert found["sensitivity"].value == pytest.approx(flagged[truth == 1].mean(), abs=0.02)


def test_a_film_that_one_reader_read_keeps_its_label_and_says_nothing_of_how_readers_err() -> None:
    batch, _ = make_rows(300, seed=4)
    single = replace(batch, pairs=np.zeros((300, 1, 3), np.int64))
    assert habits_of(("opacity",), single) == habits_of(("opacity",), replace(batch, pairs=None)) == {}
    assert relabelled(single, ("opacity",), {"opacity": HABIT}) is single


def test_scores_and_truth_are_as_the_stream_makes_them() -> None:
    batch, truth, _ = panelled(20_000, seed=5)
    assert expit(batch.scores[:, 0]).mean() == pytest.approx(truth.mean(), abs=0.01)
