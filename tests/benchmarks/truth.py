"""Truth: what is reported of a model, on streams of which everything is known, beside what would be reported without care.

Films of 120 days, a model that does not see a tenth of the positives, and labels as hospitals give them. Scenarios, each a few hundred streams:

- complete: every film is read by nobody who errs, at once.
- small: the same at the floor, about 25 positives and few films.
- delayed: positives that were flagged are confirmed after 4 days in the mean, those that were missed, and negatives, after 15; judged by films
  that are 60 days old. Naive: the films of the last 30 days, as labels arrive.
- corrected: as delayed, and one label in twelve is wrong at first and put right a week later. Naive: the first statement counts for ever.
- selective: flagged films are all read, of the others one in ten, by a worklist with stored probabilities. Naive: plain counts.
- by score: films are read the likelier the higher their score, and nobody stored how likely. Naive: plain counts.
- readers: three readers who see 85 % of positives and 95 % of negatives read every film; how they err is learnt from the same films.
  Naive: the first reader is the truth.

Reported: for each rate its bias, how often the 95 % interval holds the truth, and the same of the naive number; for each other number that
rests on labels (areas, Brier score, calibration, costs) bias and coverage, wherever labels are enough that it is told in most streams.
Bounds: every interval holds the truth in at least 93 % of streams, and the labels of several readers are nearer to it than those of one.

    python -m tests.benchmarks.truth [--streams 400]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.auprc import auprc
from detectors.auroc import auroc
from detectors.batch import Batch
from detectors.brier import brier
from detectors.calibration_line import calibration_line
from detectors.decision_costs import decision_costs
from detectors.intervals import wilson
from detectors.observed_prevalence import observed_prevalence
from detectors.panels import learn_habit, panel_label
from detectors.plan import ALL, Plan
from detectors.reference import Reference, build_reference
from detectors.schema import NEGATIVE, POSITIVE, Schema
from detectors.tally import Tally, tally
from detectors.verification import PAIRS, Verified

DAYS, RECENT = 120, 30
LEAST = 0.93
HIDDEN = 0.1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Films:
    """Truth, scores and days of some films."""

    truth: Floats
    scores: Floats
    days: Floats

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True)
class Labels:
    """Labels as we count them, with their weights, and as somebody would who took them as they came; NaN: none. among: films that each judges."""

    ours: Floats
    naive: Floats
    weights: Floats | None = None
    among: NDArray[np.bool_] | None = None
    naive_among: NDArray[np.bool_] | None = None
    pairs: NDArray[np.int64] | None = None


def make_films(rng: np.random.Generator, n: int) -> Films:
    logit = rng.normal(-2.0, 2.0, n)
    truth = (rng.random(n) < expit(logit)).astype(float)
    scores = np.where((truth == 1) & (rng.random(n) < HIDDEN), -3.0, logit)
    return Films(truth, scores, np.sort(rng.uniform(0, DAYS, n)))


def complete(rng: np.random.Generator, films: Films) -> Labels:
    return Labels(films.truth, films.truth)


def delayed(rng: np.random.Generator, films: Films) -> Labels:
    return _arrived(films, _arrival(rng, films), films.truth, films.truth)


def corrected(rng: np.random.Generator, films: Films) -> Labels:
    arrives = _arrival(rng, films)
    wrong = rng.random(len(films)) < 1 / 12
    mended = arrives + 7
    first = np.where(wrong, 1 - films.truth, films.truth)
    known = np.where(mended <= DAYS, films.truth, first)
    return _arrived(films, arrives, known, first)


def _arrival(rng: np.random.Generator, films: Films) -> Floats:
    return np.asarray(films.days + rng.exponential(np.where((films.truth == 1) & (films.scores >= 0), 4.0, 15.0)))


def _arrived(films: Films, arrives: Floats, ours: Floats, naive: Floats) -> Labels:
    old = films.days <= DAYS - 2 * RECENT
    mature = np.where(old & (arrives <= DAYS), ours, np.nan)
    recent = films.days > DAYS - RECENT
    return Labels(mature, np.where(arrives <= DAYS, naive, np.nan), among=old, naive_among=recent)


def selective(rng: np.random.Generator, films: Films) -> Labels:
    probability = np.where(films.scores >= 0, 1.0, 0.1)
    seen = np.where(rng.random(len(films)) < probability, films.truth, np.nan)
    return Labels(seen, seen, 1 / probability)


def by_score(rng: np.random.Generator, films: Films) -> Labels:
    seen = np.where(rng.random(len(films)) < np.clip(expit(films.scores), 0.1, 1.0), films.truth, np.nan)
    return Labels(seen, seen)


def readers(rng: np.random.Generator, films: Films) -> Labels:
    votes = np.stack(
        [np.where(films.truth == 1, rng.random(len(films)) < 0.85, rng.random(len(films)) > 0.95) for _ in range(3)], axis=1
    ).astype(float)
    seen, everybody = votes.sum(axis=1).astype(np.int64), np.full(len(films), 3)
    habit = learn_habit(seen, everybody)
    both = (seen * (seen - 1) // 2, seen * (3 - seen), (3 - seen) * (2 - seen) // 2)
    return Labels(np.array([panel_label(habit, one, 3) for one in seen.tolist()]), votes[:, 0], pairs=np.stack(both, axis=1)[:, None])


SCENARIOS: Mapping[str, tuple[Callable[[np.random.Generator, Films], Labels], int]] = {
    "complete": (complete, 2000),
    "small": (complete, 120),
    "delayed": (delayed, 2400),
    "corrected": (corrected, 2400),
    "selective": (selective, 3000),
    "by_score": (by_score, 3000),
    "readers": (readers, 1500),
}
PLAN = Plan(findings=("finding",), thresholds=(0.0,), costs_false_negative=(5.0,), costs_false_positive=(1.0,))
NUMBERS = (auroc, auprc, brier, calibration_line, decision_costs, observed_prevalence)
REFERENCE_FILMS = 6000
MANY = 400
"""Of a scenario with fewer films there are more streams: a coverage at the floor is told from the bound only by many."""


def main() -> None:
    """Run it and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=400)
    streams = parser.parse_args().streams
    many = make_films(np.random.default_rng(1), 400_000)
    usual = make_films(np.random.default_rng(2), REFERENCE_FILMS)
    reference = build_reference(PLAN, _batch(usual), {}, usual.days.astype(np.int64))
    truth = _plain(many.truth, many.scores) | {
        name: value for name, (value, _, _) in _numbers(reference, tally(reference.schema, _batch(many))).items()
    }
    found = {name: measure(name, reference, truth, streams) for name in SCENARIOS}
    least = {name: min(number["coverage"] for number in numbers.values()) for name, numbers in found.items()}
    ours, one_reader = (sum(abs(found["readers"][rate][name]) for rate in PAIRS) for name in ("bias", "naive_bias"))
    result = {
        "benchmark": "truth",
        "streams": streams,
        "truth": {name: round(value, 4) for name, value in truth.items()},
        "scenarios": found,
        "least_coverage": least,
        "soft_labels_beat_a_single_reader": ours < one_reader,
        "ok": min(least.values()) >= LEAST and ours < one_reader,
    }
    print(json.dumps(result))


def measure(name: str, reference: Reference, truth: Mapping[str, float], streams: int) -> dict[str, dict[str, float]]:
    """Bias and coverage of each number over many streams of one scenario, and of the naive count of each rate."""
    make, n = SCENARIOS[name]
    streams *= max(1, MANY // n)
    errors: dict[str, list[tuple[float, bool]]] = {}
    for number in range(streams):
        rng = np.random.default_rng([number, n])
        films = make_films(rng, n)
        labels = make(rng, films)
        ours = _tallied(reference.schema, films, labels)
        said = _rates(reference.schema, ours) | _numbers(reference, ours) | _naive(reference.schema, films, labels)
        for what, (value, low, high) in said.items():
            right = truth[what.removeprefix("naive ")]
            errors.setdefault(what, []).append((value - right, low <= right <= high))
    told = {what: np.mean(many, axis=0).round(4).tolist() for what, many in errors.items() if 2 * len(many) > streams}
    return {
        what: {"bias": bias, "coverage": coverage}
        | dict(zip(("naive_bias", "naive_coverage"), told.get(f"naive {what}", ()), strict=False))
        for what, (bias, coverage) in told.items()
        if not what.startswith("naive ")
    }


Estimate = tuple[float, float, float]
"""Value and the ends of its interval."""


def _tallied(schema: Schema, films: Films, labels: Labels) -> Tally:
    weights = None if labels.weights is None else labels.weights[:, None]
    batch = replace(_batch(films), labels=labels.ours[:, None], pairs=labels.pairs, weights=weights)
    return tally(schema, batch if labels.among is None else batch.select(labels.among))


def _rates(schema: Schema, ours: Tally) -> dict[str, Estimate]:
    verified = Verified.of(schema, [ours], "finding")
    found: dict[str, Estimate] = {}
    for rate in PAIRS:
        share = verified.share(rate)
        if not share.reasons[0]:
            interval = wilson(float(share.hits[0]), float(share.n[0]))
            found[rate] = (float(share.value[0]), interval.low, interval.high)
    return found


def _numbers(reference: Reference, ours: Tally) -> dict[str, Estimate]:
    """All else that rests on labels, where it is told."""
    measured = [one for detector in NUMBERS for one in detector(reference, {ALL: ours})]
    return {
        one.name: (one.value, one.interval.low, one.interval.high) for one in measured if one.value is not None and one.interval is not None
    }


def _naive(schema: Schema, films: Films, labels: Labels) -> dict[str, Estimate]:
    plain = replace(_batch(films), labels=labels.naive[:, None])
    counts = tally(schema, plain if labels.naive_among is None else plain.select(labels.naive_among)).decisions("finding")
    found: dict[str, Estimate] = {}
    for rate, (right, wrong) in CELLS.items():
        k, n = int(counts[right]), max(int(counts[right] + counts[wrong]), 1)
        interval = wilson(k, n)
        found[f"naive {rate}"] = (k / n, interval.low, interval.high)
    return found


CELLS = {
    "sensitivity": ((POSITIVE, 1), (POSITIVE, 0)),
    "specificity": ((NEGATIVE, 0), (NEGATIVE, 1)),
    "positive_predictive_value": ((POSITIVE, 1), (NEGATIVE, 1)),
    "negative_predictive_value": ((NEGATIVE, 0), (POSITIVE, 0)),
}


def _batch(films: Films) -> Batch:
    return Batch(films.scores[:, None], films.truth[:, None], {}, {}, np.empty((len(films), 0)))


def _plain(truth: Floats, scores: Floats) -> dict[str, float]:
    said, there = scores >= 0, truth == 1
    return {
        "sensitivity": float(said[there].mean()),
        "specificity": float((~said)[~there].mean()),
        "positive_predictive_value": float(there[said].mean()),
        "negative_predictive_value": float((~there)[~said].mean()),
    }


if __name__ == "__main__":
    main()
