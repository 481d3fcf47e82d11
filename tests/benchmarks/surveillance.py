"""Six simulated years in which a model decays three ways: never updated, retrained every year, or watched and put right by the ladder.

    python -m tests.benchmarks.surveillance [WORLDS]

The world changes as hospitals do: the finding becomes more frequent, a report habit bends the calibration, a new scanner weakens what one
feature says. The ladder looks once a month at the labels of the last ninety days. Where a recalibration is better on films that its fit had not
seen (`detectors.recalibration`), it is put behind the model; where the AUROC has fallen beyond the interval of both periods (`detectors.auroc`),
the model is trained again on those ninety days. Yearly retraining takes all labels of the year before. What is told: observed over
expected over all (where too high and too low cancel) and how far it strays month by month, Brier score, labels used and retrainings, as
means over ten worlds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.auroc import area
from detectors.calibrator import Calibrator
from detectors.intervals import Z
from detectors.logistic import Observations, fit_logistic
from detectors.recalibration import Labelled, recalibrate
from detectors.schema import SCORE_BINS, SCORE_RANGE

MONTHS, FILMS = 72, 1200
LOOK_BACK = 3
SMALLEST_FALL = 0.25
"""Of the logit of AUROC: a fall of the odds by a fifth (.90 -> .875) is worth a retraining."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Month:
    """Films of one month: features [n, 3] as the scanner shows them, and the truth [n]."""

    features: Floats
    truth: Floats


def world(seed: int) -> list[Month]:
    """Twelve months of training, then the years that follow."""
    rng, months = np.random.default_rng(seed), []
    for number in range(-12, MONTHS):
        features = rng.normal(size=(FILMS, 3))
        prevalence = -2.2 + 0.5 * (number >= 10) + 0.4 * (number >= 50)
        habit = 0.7 if number >= 26 else 1.0
        truth = (rng.random(FILMS) < expit(prevalence + habit * (features @ np.array([1.5, 1.0, 0.5])))).astype(np.float64)
        seen = features.copy()
        if number >= 40:
            seen[:, 0] = 0.45 * features[:, 0] + rng.normal(0.4, 0.5, FILMS)
        months.append(Month(seen, truth))
    return months


@dataclass(slots=True)
class Model:
    """A logistic model, the maps behind it, and the AUROC with which it was accepted: its logit and variance."""

    weights: Floats
    maps: list[Calibrator] = field(default_factory=list)
    accepted: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def trained(cls, months: list[Month]) -> Model:
        features, truth = joined(months)
        design = np.vstack([np.ones(len(features)), features.T])
        beta, _ = fit_logistic(Observations(np.zeros(len(truth), np.int64), 1, design, np.zeros(len(truth)), np.ones(len(truth)), truth))
        model = cls(beta[0])
        model.accepted = separation(model.logits(features), truth)
        return model

    def logits(self, features: Floats) -> Floats:
        scores = self.weights[0] + features @ self.weights[1:]
        for one in self.maps:
            scores = one(scores)
        return np.asarray(scores)


@dataclass(slots=True)
class Outcome:
    """What became of one way of looking after a model."""

    expected: list[float] = field(default_factory=list)
    observed: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    labels: int = 0
    retrainings: int = 0
    recalibrations: int = 0

    def told(self) -> dict[str, float]:
        ratio = np.array(self.observed) / np.array(self.expected)
        return {
            "observed_to_expected": round(sum(self.observed) / sum(self.expected), 3),
            "mean_monthly_stray": round(float(np.expm1(np.abs(np.log(ratio)).mean())), 3),
            "brier": round(float(np.mean(self.squares)), 4),
            "labels": self.labels,
            "retrainings": self.retrainings,
            "recalibrations": self.recalibrations,
        }


Care = Callable[[int, list[Month], Model, Outcome], Model]
"""Looks after a model at the end of a month: which month, all months so far, the model, and where what was used is noted."""


def never(_month: int, _past: list[Month], model: Model, _noted: Outcome) -> Model:
    return model


def yearly(month: int, past: list[Month], model: Model, noted: Outcome) -> Model:
    if (month + 1) % 12 or month + 1 == MONTHS:
        return model
    noted.retrainings, noted.labels = noted.retrainings + 1, noted.labels + 12 * FILMS
    return Model.trained(past[-12:])


def ladder(month: int, past: list[Month], model: Model, noted: Outcome) -> Model:
    if month < LOOK_BACK - 1:
        return model
    features, truth = joined(past[-LOOK_BACK:])
    noted.labels += FILMS
    scores = model.logits(features)
    now, then = separation(scores, truth), model.accepted
    if then[0] - now[0] > SMALLEST_FALL + Z * sqrt(now[1] + then[1]):
        noted.retrainings += 1
        return Model.trained(past[-LOOK_BACK:])
    found = recalibrate(Labelled(scores, truth, np.ones(len(truth)), np.arange(len(truth))), seed=month)
    if found.better:
        noted.recalibrations += 1
        model.maps.append(found.calibrator)
    return model


def separation(scores: Floats, truth: Floats) -> tuple[float, float]:
    """Logit of AUROC and its variance."""
    bins = np.clip(((scores + SCORE_RANGE) / (2 * SCORE_RANGE) * SCORE_BINS).astype(int), 0, SCORE_BINS - 1)
    negatives, positives = (np.bincount(bins[truth == side], minlength=SCORE_BINS).astype(np.float64) for side in (0, 1))
    found = area(negatives, positives)
    return float(logit(found.value)), found.logit_variance


def joined(months: list[Month]) -> tuple[Floats, Floats]:
    return np.concatenate([one.features for one in months]), np.concatenate([one.truth for one in months])


def lived(months: list[Month], care: Care) -> dict[str, float]:
    """Six years of answers under one way of care."""
    model, noted = Model.trained(months[:12]), Outcome()
    for number in range(MONTHS):
        month = months[12 + number]
        p = expit(model.logits(month.features))
        noted.expected.append(float(p.sum()))
        noted.observed.append(float(month.truth.sum()))
        noted.squares.append(float(((p - month.truth) ** 2).mean()))
        model = care(number, months[: 13 + number], model, noted)
    return noted.told()


def main() -> None:
    worlds = [world(seed) for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10)]
    found = {care.__name__: mean_of([lived(months, care) for months in worlds]) for care in (never, yearly, ladder)}
    for name, told in found.items():
        print(f"{name:<8}{told}")
    stray = {name: told["mean_monthly_stray"] for name, told in found.items()}
    total = {name: abs(told["observed_to_expected"] - 1) for name, told in found.items()}
    ok = (
        min(stray, key=lambda name: stray[name]) == min(total, key=lambda name: total[name]) == "ladder"
        and found["ladder"]["retrainings"] < found["yearly"]["retrainings"]
        and found["ladder"]["brier"] < found["yearly"]["brier"]
    )
    print(json.dumps({"benchmark": "surveillance", "worlds": len(worlds), **found, "ok": ok}))


def mean_of(told: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([one[name] for one in told])), 4) for name in told[0]}


if __name__ == "__main__":
    main()
