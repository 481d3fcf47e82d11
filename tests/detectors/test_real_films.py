"""Real films: draws of more of the same page nobody, adults of another hospital do; a distorted calibration is put right.

And a model that is calibrated on half of the validation films is quiet on the other half, until there its scores mean something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.calibrator import Calibrator
from detectors.evidence import State, fold_day
from detectors.incident import Incident, judge
from detectors.plan import Plan
from detectors.recalibration import Labelled, calibratedness, recalibrate
from detectors.reference import Reference, build_reference
from detectors.tally import Tally, tally_cells
from service.demo.train import fit, logits_of
from service.gateway.resize import area_average
from service.models.architectures import build

DATA = Path(__file__).parents[3] / "shared" / "data"
SIDE, EPOCHS = 28, 2
A_DAY, REFERENCE_DAYS, QUIET_DRAWS, ADULTS = 33, 60, 5000, 99
ACCEPTANCE_DAYS, ROUNDS, PATIENCE_DAYS, STRATA = 54, 3, 45, 12
PLAN = Plan(findings=("pneumonia",), thresholds=(0.0,), numeric=("mean", "contrast"), categorical=(), cells=(), alarms_per_year=1.0)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real films of ../shared/data are not on this machine")

Films = NDArray[np.uint8]
Day = Mapping[str, Tally]


@dataclass(frozen=True)
class Hospital:
    """A model that learnt pneumonia, what it says of films of PneumoniaMNIST that it never saw, and of adults of NIH ChestX-ray14."""

    unseen: Batch
    children: Batch
    adults: Batch
    reference: Reference
    rng: np.random.Generator

    def day_of(self, batch: Batch, rows: NDArray[np.int64]) -> Day:
        return tally_cells(self.reference.schema, batch.select(rows), {})

    def drawn(self, films: int) -> NDArray[np.int64]:
        """Validation films, at random, each as often as it comes."""
        return self.rng.integers(0, len(self.children), films)


@pytest.fixture(scope="module")
def hospital() -> Hospital:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    stored, adults = np.load(DATA / "pneumoniamnist_28_trainval.npz"), np.load(DATA / "nih_dev_64.npz")["images"]
    films, labels, unseen = stored["train_images"], stored["train_labels"], slice(ACCEPTANCE_DAYS * A_DAY)
    learnt, truth = _inputs(films[unseen.stop :]), torch.from_numpy(labels[unseen.stop :].astype(np.float32))
    net = fit(build("small_convnet", {"findings": 1}), learnt, truth, epochs=EPOCHS)
    small = np.stack([np.rint(area_average(film.astype(np.float32), SIDE, SIDE)).astype(np.uint8) for film in adults])
    children, rng = _answers(net, stored["val_images"], stored["val_labels"][:, 0]), np.random.default_rng(1)
    rows = rng.integers(0, len(children), A_DAY * REFERENCE_DAYS)
    reference = build_reference(PLAN, children.select(rows), {}, np.arange(len(rows)) // A_DAY)
    held_out = _answers(net, films[unseen], labels[unseen, 0])
    return Hospital(held_out, children, _answers(net, small, np.full(len(small), np.nan)), reference, rng)


def _inputs(films: Films) -> torch.Tensor:
    """As the gateway's preprocessing makes them."""
    low, high = np.percentile(films, (1, 99), axis=(1, 2))[:, :, None, None]
    return torch.from_numpy((((np.clip(films, low, high) - low) / (high - low) - 0.5) / 0.25).astype(np.float32)[:, None])


def _answers(net: torch.nn.Module, films: Films, labels: NDArray[Any]) -> Batch:
    with torch.no_grad():
        embedding = net(_inputs(films))[1].numpy()
    pixels = films.reshape(len(films), -1).astype(np.float64)
    return Batch(
        scores=logits_of(net, _inputs(films)).numpy().astype(np.float64),
        labels=np.asarray(labels, dtype=np.float64)[:, None],
        numeric={"mean": pixels.mean(axis=1), "contrast": pixels.std(axis=1)},
        categorical={},
        embedding=embedding,
    )


def test_five_thousand_draws_of_its_own_films_page_nobody_and_adults_page_within_a_hundred_films(hospital: Hospital) -> None:
    state, recent = State.start(hospital.reference), dict[int, Day]()
    for day in range(QUIET_DRAWS // A_DAY + 1):
        recent[day] = hospital.day_of(hospital.children, hospital.drawn(A_DAY))
        state = fold_day(hospital.reference, state, day, recent[day], recent.get(day - PLAN.label_maturity_days, {}))
        assert judge(hospital.reference, state) == ()
    incident = _among_adults(hospital, state, recent)
    assert incident.family == "inputs"
    assert incident.kind in {"acquisition", "both"}


def _among_adults(hospital: Hospital, state: State, recent: dict[int, Day]) -> Incident:
    """The first incident of a stream of adults that takes the place of the children's."""
    order = hospital.rng.permutation(len(hospital.adults))
    for start in range(0, ADULTS, A_DAY):
        day = state.day + 1
        recent[day] = hospital.day_of(hospital.adults, order[start : start + A_DAY])
        state = fold_day(hospital.reference, state, day, recent[day], {})
        if found := judge(hospital.reference, state, recent):
            return found[0]
    raise AssertionError(f"{ADULTS} films of adults raised no alarm")


@pytest.mark.parametrize(("slope", "intercept"), [(3.0, 0.0), (1.0, -2.0), (2.5, 1.5)], ids=["too sure", "too low", "both"])
def test_a_distorted_calibration_is_put_right_on_films_that_the_fit_never_saw(hospital: Hospital, slope: float, intercept: float) -> None:
    every = labelled(hospital, Calibrator(slope, intercept))
    fitted, held_out = (every.of(np.arange(len(every)) % 2 == half) for half in (0, 1))
    found = recalibrate(fitted)
    assert found.better
    before, after = calibratedness(held_out.logits, held_out), calibratedness(found.calibrator(held_out.logits), held_out)
    assert after.ece < before.ece
    assert after.brier < before.brier
    assert abs(np.log(after.slope)) < max(abs(np.log(before.slope)), 0.7)


def test_what_was_put_right_is_left_alone_afterwards(hospital: Hospital) -> None:
    every = labelled(hospital, Calibrator(3.0, 0.0))
    fitted, held_out = (every.of(np.arange(len(every)) % 2 == half) for half in (0, 1))
    mapped = Labelled(recalibrate(fitted).calibrator(held_out.logits), held_out.labels, held_out.weights, held_out.patients)
    again = recalibrate(mapped)
    assert not again.better or again.after.ece <= again.before.ece


def labelled(hospital: Hospital, distortion: Calibrator) -> Labelled:
    """The validation films, their logits distorted."""
    scores = distortion(hospital.children.scores[:, 0])
    return Labelled(scores, hospital.children.labels[:, 0].astype(np.float64), np.ones(len(scores)), np.arange(len(scores)))


@dataclass(frozen=True)
class Accepted:
    """The model calibrated on one half of the validation films, its reference of films that nobody saw, and its answers on the other half."""

    reference: Reference
    films: Batch

    def first(self, days: int, chance: NDArray[np.float64] | None) -> tuple[int, Incident] | None:
        """The first incident of a stream of the other half, each film once a round; or drawn, each by its chance."""
        rng, state, recent = np.random.default_rng(3), State.start(self.reference), dict[int, Day]()
        rounds = np.concatenate([rng.permutation(len(self.films)) for _ in range(ROUNDS)])
        for day in range(days):
            rows = rounds[day * A_DAY : (day + 1) * A_DAY] if chance is None else rng.choice(len(self.films), A_DAY, p=chance)
            recent[day] = tally_cells(self.reference.schema, self.films.select(rows), {})
            state = fold_day(self.reference, state, day, recent[day], recent.get(day - PLAN.label_maturity_days, {}))
            if found := judge(self.reference, state, recent):
                return day, found[0]
        return None


@pytest.fixture(scope="module")
def accepted(hospital: Hospital) -> Accepted:
    half = np.random.default_rng(5).permutation(len(hospital.children)) % 2 == 1
    calibrator = recalibrate(labelled(hospital, Calibrator(1.0, 0.0)).of(half)).calibrator
    unseen, films = (
        replace(batch, scores=calibrator(batch.scores[:, 0])[:, None]) for batch in (hospital.unseen, hospital.children.select(~half))
    )
    return Accepted(build_reference(PLAN, unseen, {}, np.arange(len(unseen)) // A_DAY), films)


def test_calibrated_on_half_of_the_films_the_model_is_quiet_on_the_other_half(accepted: Accepted) -> None:
    assert accepted.first(ROUNDS * len(accepted.films) // A_DAY, None) is None


@pytest.mark.parametrize("odds", [-2.0, 2.0], ids=["rarer than it says", "more frequent than it says"])
def test_where_scores_mean_something_else_calibration_pages_and_the_inputs_are_silent(accepted: Accepted, odds: float) -> None:
    """Films are drawn as ever by their scores; among those of like score the finding is rarer, or more frequent, and so it is in all."""
    scores, labels = accepted.films.scores[:, 0], accepted.films.labels[:, 0]
    stratum = np.searchsorted(np.quantile(scores, np.arange(1, STRATA) / STRATA), scores)
    chance = np.exp(odds * labels)
    chance = chance / np.bincount(stratum, chance)[stratum] * np.bincount(stratum)[stratum] / len(scores)
    found = accepted.first(PATIENCE_DAYS, chance)
    assert found is not None
    assert (found[1].family, found[1].kind) == ("truth", "calibration")
