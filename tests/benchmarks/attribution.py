"""Which kind of shift, and what carries it: `python -m tests.benchmarks.attribution [--streams N]`.

A simulated hospital, 14 findings, 30 attributes and image statistics, an embedding of 64 dimensions, two sites with a scanner each. Each finding has its
own prevalence (2 to 25 %), its own direction in the embedding, and bends an image statistic; one goes with bedside films (view AP), one
with age. A score is the log odds of its finding given the embedding as learnt (a logistic regression on 40,000 films of its own), times 1.2: over-confident as networks
are. The reference has 6,000 films of 60 days, labelled. Windows of n films come from one of four worlds:

none         the reference's own.
prevalence   one finding drawn at random, of a prevalence of 5 % or more, is 2.5 times as likely (odds); films of each class look as ever.
acquisition  one of five: a new scanner at one site (an unseen name, other embedding and image statistics), tube voltage + 1 sd at one site, an attribute
             that vanishes from 30 % of films, brighter images (.6 sd everywhere), or a new grid (embedding + .4 sd in a random direction and
             an image statistic + .5 sd). The embedding moves, so the scores of every finding move with it.
both         both at once.

Stated: of 4 kinds at n = 1,000 at least .85 are told right, and the injected feature (not the embedding) ranks first in at least .9 of the
acquisition windows that are told as one. The last line is one JSON object with the confusion matrix at each n.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from detectors.batch import Batch
from detectors.plan import Plan
from detectors.reference import Reference, build_reference
from detectors.shift import Shift, identify
from detectors.tally import tally

KINDS = ("none", "prevalence", "acquisition", "both")
SIZES = (250, 500, 1000, 2000)
FINDINGS, DIMENSIONS = 14, 64
ATTRIBUTES = ("ManufacturerModelName", "ViewPosition", "PatientSex", *(f"Attribute{index}" for index in range(9)))
NUMBERS = ("KVP", "PatientAge", *(f"Number{index}" for index in range(6)), "brightness", *(f"statistic_{index}" for index in range(9)))
CAUSES = ("scanner", "voltage", "vanished", "brighter", "grid")
EXPECTED = {"scanner": "ManufacturerModelName", "voltage": "KVP", "vanished": "Attribute3", "brighter": "brightness", "grid": "statistic_4"}
STATED_RIGHT, STATED_FIRST = 0.85, 0.9
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hospital:
    """What never changes: prevalences, directions and the model."""

    prevalence: Floats
    directions: Floats
    weights: Floats
    offsets: Floats
    new_scanner: Floats
    new_grid: Floats


def make_hospital(rng: np.random.Generator) -> Hospital:
    """Draw a hospital and train its model."""
    prevalence = np.exp(rng.uniform(np.log(0.02), np.log(0.25), FINDINGS))
    directions = unit(rng, FINDINGS) * rng.uniform(2.0, 3.5, (FINDINGS, 1))
    grid, scanner = unit(rng, 2) * np.array([[0.4 * 4], [0.5 * 4]])
    bare = Hospital(prevalence, directions, np.zeros((FINDINGS, DIMENSIONS)), np.zeros(FINDINGS), scanner, grid)
    truth, embedding, _, _ = films(bare, rng, 40_000, "", -1)
    models = [LogisticRegression(max_iter=300).fit(embedding, truth[:, index]) for index in range(FINDINGS)]
    weights = np.array([model.coef_[0] for model in models])
    return Hospital(prevalence, directions, weights, np.array([model.intercept_[0] for model in models]), scanner, grid)


def unit(rng: np.random.Generator, rows: int) -> Floats:
    """Directions of length one."""
    drawn = rng.normal(size=(rows, DIMENSIONS))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def films(
    hospital: Hospital, rng: np.random.Generator, n: int, cause: str, more: int
) -> tuple[NDArray[np.bool_], Floats, dict[str, Floats], dict[str, NDArray[np.object_]]]:
    """Truth, embedding, numbers and words of n films; `more`: the finding that became more frequent, -1 for none."""
    odds = logit(hospital.prevalence) + np.log(2.5) * (np.arange(FINDINGS) == more)
    truth = rng.random((n, FINDINGS)) < expit(odds)
    spectrum = np.exp(-np.arange(DIMENSIONS) / 20) * 1.5 + 0.3
    embedding = rng.normal(size=(n, DIMENSIONS)) * spectrum + truth @ hospital.directions
    south = rng.random(n) < 0.4
    numbers = {name: rng.normal(size=n) for name in NUMBERS}
    numbers["KVP"] = rng.normal(np.where(south, 120.0, 110.0), 4.0) + (4.0 * south if cause == "voltage" else 0.0)
    numbers["PatientAge"] = rng.normal(60 + 8 * truth[:, 1], 15.0)
    for index in range(9):
        numbers[f"statistic_{index}"] += 0.5 * truth[:, index] + 0.3 * embedding[:, index]
    words = {name: np.array([f"value {value}" for value in range(5)], dtype=object)[rng.integers(0, 5, n)] for name in ATTRIBUTES}
    words["ViewPosition"] = np.where(rng.random(n) < np.where(truth[:, 0], 0.6, 0.25), "AP", "PA").astype(object)
    words["PatientSex"] = np.where(rng.random(n) < 0.5, "F", "M").astype(object)
    words["ManufacturerModelName"] = np.where(south, "Beta", "Alpha").astype(object)
    if cause == "scanner":
        words["ManufacturerModelName"][south] = "Gamma"
        embedding += south[:, None] * hospital.new_scanner
        numbers["brightness"] += 0.8 * south
    elif cause == "vanished":
        words["Attribute3"][rng.random(n) < 0.3] = None
    elif cause == "brighter":
        numbers["brightness"] += 0.6
    elif cause == "grid":
        embedding += hospital.new_grid
        numbers["statistic_4"] += 0.5
    return truth, embedding, numbers, words


def batch_of(hospital: Hospital, rng: np.random.Generator, n: int, cause: str = "", more: int = -1) -> Batch:
    """Films as the model answered them."""
    truth, embedding, numbers, words = films(hospital, rng, n, cause, more)
    scores = 1.2 * (embedding @ hospital.weights.T + hospital.offsets)
    return Batch(scores, truth.astype(float), numbers, words, embedding)


def make_reference(hospital: Hospital, rng: np.random.Generator) -> Reference:
    """Sixty days of a hundred films."""
    plan = Plan(tuple(f"finding_{index}" for index in range(FINDINGS)), (0.0,) * FINDINGS, numeric=NUMBERS, categorical=ATTRIBUTES)
    return build_reference(plan, batch_of(hospital, rng, 6000), {}, np.arange(6000) // 100)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--streams", type=int, default=40, help="windows of each kind and size")
    parser.add_argument("--hospitals", type=int, default=4)
    arguments = parser.parse_args()
    began = perf_counter()
    told: Counter[tuple[int, str, str]] = Counter()
    first: Counter[tuple[int, bool]] = Counter()
    for number in range(arguments.hospitals):
        rng = np.random.default_rng(number)
        hospital = make_hospital(rng)
        reference = make_reference(hospital, rng)
        for size in SIZES:
            for kind in KINDS:
                for stream in range(arguments.streams // arguments.hospitals):
                    cause = CAUSES[stream % len(CAUSES)] if kind in {"acquisition", "both"} else ""
                    more = int(rng.choice(np.flatnonzero(hospital.prevalence >= 0.05))) if kind in {"prevalence", "both"} else -1
                    batch = batch_of(hospital, rng, size, cause, more)
                    shift = identify(reference, tally(reference.schema, batch))
                    if shift is None:
                        raise RuntimeError("a window of this size has a kind")
                    told[size, kind, shift.kind] += 1
                    if kind == "acquisition" and shift.carriers:
                        first[size, leads(shift, cause)] += 1
    matrices = {str(size): {kind: [told[size, kind, one] for one in KINDS] for kind in KINDS} for size in SIZES}
    right = {size: sum(told[size, kind, kind] for kind in KINDS) / sum(told[size, *pair] for pair in pairs()) for size in SIZES}
    leading = {size: first[size, True] / max(first[size, True] + first[size, False], 1) for size in SIZES}
    result = {
        "benchmark": "attribution",
        "windows_of_each_kind_and_size": arguments.streams,
        "told_as": KINDS,
        "confusion": matrices,
        "right": {str(size): round(share, 3) for size, share in right.items()},
        "injected_first": {str(size): round(share, 3) for size, share in leading.items()},
        "seconds": round(perf_counter() - began, 1),
        "ok": right[1000] >= STATED_RIGHT and leading[1000] >= STATED_FIRST,
    }
    print(json.dumps(result))


def leads(shift: Shift, cause: str) -> bool:
    """Say whether the first carrier that a person can look at is the one that was injected."""
    named = [one.subject for one in shift.carriers if not one.subject.startswith("embedding")]
    return bool(named) and named[0] == EXPECTED[cause]


def pairs() -> list[tuple[str, str]]:
    """Every true and told kind."""
    return [(true, told) for true in KINDS for told in KINDS]


if __name__ == "__main__":
    main()
