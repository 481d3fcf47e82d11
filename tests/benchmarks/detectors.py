"""Tallies and detectors: `python -m tests.benchmarks.detectors [--rows N] [--rounds N]`.

Four figures, on one core (the libraries of linear algebra are held to one thread):

tally       microseconds to count one prediction with 14 findings, half of them labelled, 15 numbers, 15 words and a 1,024-dimensional
            embedding, Fourier features included; stated: under 30.
raw         univariate drift of a window of 100,000 rows x 30 columns (15 numbers, 15 words) from raw arrays, against a prepared reference of as
            many rows, and Evidently's DataDriftPreset on the same two tables, in turns; stated: at least 25 times faster.
tallies     all 30 features from a tally, for windows of 1,000 and 100,000 rows; stated: under 20 ms, whatever the number of rows.
auroc       largest distance of the AUROC from tallies from that of scikit-learn, over its published bound; stated: at most 1.

Medians over the rounds, in seconds of processor time, so that whatever else runs on the machine does not count. Evidently runs in a process of
its own, which says only how long its second report took; the first one warms it up. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
os.environ.update(ONE_THREAD)

import numpy as np  # noqa: E402 - the number of threads is read when it is loaded
from numpy.typing import NDArray  # noqa: E402 - as above
from scipy.special import expit  # noqa: E402 - as above
from sklearn.metrics import roc_auc_score  # noqa: E402 - as above

from detectors.arrays import Arrays, reference_of, window_of  # noqa: E402 - as above
from detectors.auroc import area  # noqa: E402 - as above
from detectors.batch import Batch  # noqa: E402 - as above
from detectors.feature_drift import feature_drift  # noqa: E402 - as above
from detectors.plan import Plan  # noqa: E402 - as above
from detectors.schema import NEGATIVE, POSITIVE, Schema  # noqa: E402 - as above
from detectors.tally import tally  # noqa: E402 - as above

FINDINGS, NUMBERS, WORDS, DIMENSIONS = 14, 15, 15, 1024
MOST_MICROSECONDS, LEAST_RATIO, MOST_MILLISECONDS = 30.0, 25.0, 20.0
SHIFTS = (0.0, 0.1)

RIVAL = """
import pickle, sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import pandas
from evidently import Report
from evidently.presets import DataDriftPreset
then, now = (pandas.DataFrame(pickle.loads(Path(path).read_bytes())) for path in sys.argv[1:3])
for _ in range(int(sys.argv[3])):
    began = time.process_time()
    Report([DataDriftPreset()]).run(now, then)
    print(time.process_time() - began, flush=True)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000, help="of the window and of the reference")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found = building(arguments.rounds) | drift(arguments.rows, arguments.rounds) | areas(arguments.rounds)
    ok = (
        found["microseconds_per_prediction"] < MOST_MICROSECONDS
        and found["ratio"] >= LEAST_RATIO
        and max(found["tallies_ms_1000_rows"], found["tallies_ms"]) < MOST_MILLISECONDS
        and found["auroc_error_over_bound"] <= 1
    )
    print(json.dumps({"benchmark": "detectors", "rows": arguments.rows, "rounds": arguments.rounds, **found, "ok": ok}))


def building(rounds: int) -> dict[str, float]:
    """Microseconds a prediction, in batches of 2,000."""
    rng = np.random.default_rng(0)
    names = tuple(f"number_{index}" for index in range(NUMBERS)), tuple(f"Word{index}" for index in range(WORDS))
    plan = Plan(tuple(f"finding_{index}" for index in range(FINDINGS)), (0.0,) * FINDINGS, *names)
    schema = Schema.of(plan, predictions(rng, 4000))
    batch = predictions(rng, 2000)
    return {"microseconds_per_prediction": round(timed(lambda: tally(schema, batch), 5 * rounds) / len(batch) * 1e6, 1)}


def drift(rows: int, rounds: int) -> dict[str, float]:
    """Ours from raw arrays and from tallies, and the rival's, each round one after the other."""
    rng = np.random.default_rng(1)
    then, now = (columns(rng, rows, shift) for shift in SHIFTS)
    reference = reference_of(Arrays(then))
    ours, theirs = [], []
    with TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("then", "now")]
        for path, table in zip(paths, (then, now), strict=True):
            path.write_bytes(pickle.dumps(table))
        for _ in range(rounds):
            ours.append(timed(lambda: feature_drift(reference, window_of(reference, Arrays(now))), 1))
            theirs.append(rival(paths))
            print({"ours": round(ours[-1], 3), "evidently": round(theirs[-1], 3)})
    windows = [window_of(reference, Arrays({name: column[:size] for name, column in now.items()})) for size in (1000, rows)]
    small, large = (timed(partial(feature_drift, reference, window), 5 * rounds) for window in windows)
    return {
        "raw_seconds": round(median(ours), 4),
        "evidently_seconds": round(median(theirs), 3),
        "ratio": round(median(theirs) / median(ours), 1),
        "tallies_ms_1000_rows": round(small * 1e3, 2),
        "tallies_ms": round(large * 1e3, 2),
    }


def rival(paths: list[Path]) -> float:
    """Processor seconds of the second report."""
    command = [sys.executable, "-c", RIVAL, *map(str, paths), "2"]
    environment = os.environ | ONE_THREAD | {"DO_NOT_TRACK": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def areas(rounds: int) -> dict[str, float]:
    """How near the AUROC from bins comes to that of rows, for calm and for saturated scores."""
    worst = 0.0
    for number in range(rounds):
        for sharpness in (1.0, 4.0):
            rng = np.random.default_rng(number)
            truth = rng.normal(-1.5, 2.0, 20_000)
            labels = rng.random(20_000) < expit(truth)
            one = tally(*counted(truth * sharpness, labels))
            histograms = one.scores("finding")
            p, q = (histograms[state] / histograms[state].sum() for state in (POSITIVE, NEGATIVE))
            error = abs(area(histograms[NEGATIVE], histograms[POSITIVE]).value - roc_auc_score(labels, truth * sharpness))
            worst = max(worst, error / float((p * q).sum() / 2))
    return {"auroc_error_over_bound": round(worst, 4)}


def counted(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[Schema, Batch]:
    """A schema of one finding, and the rows."""
    batch = Batch(scores[:, None], labels[:, None].astype(float), {}, {}, np.empty((len(scores), 0)))
    return Schema.of(Plan(("finding",), (0.0,)), batch), batch


def predictions(rng: np.random.Generator, n: int) -> Batch:
    """Films of a large model."""
    labels = np.where(rng.random((n, FINDINGS)) < 0.5, np.nan, (rng.random((n, FINDINGS)) < 0.1).astype(float))
    scale = np.linspace(3.0, 0.2, DIMENSIONS, dtype=np.float32)
    features = columns(rng, n, 0.0)
    return Batch(
        scores=rng.normal(-2, 2, size=(n, FINDINGS)).astype(np.float32),
        labels=labels,
        numeric={name: column for name, column in features.items() if column.dtype != object},
        categorical={name: column for name, column in features.items() if column.dtype == object},
        embedding=rng.normal(size=(n, DIMENSIONS)).astype(np.float32) * scale,
    )


def columns(rng: np.random.Generator, n: int, shift: float) -> dict[str, NDArray[Any]]:
    """Fifteen numbers and fifteen words, half of them shifted."""
    numbers = {f"number_{index}": rng.normal(shift * (index % 2), 1.0, n) for index in range(NUMBERS)}
    words = {}
    for index in range(WORDS):
        drawn = np.where(rng.random(n) < shift * (index % 2), 0, rng.integers(0, 8, n))
        words[f"Word{index}"] = np.array([f"VALUE {value}" for value in range(8)], dtype=object)[drawn]
    return numbers | words


def timed(work: Callable[[], object], rounds: int) -> float:
    """Median processor seconds."""
    seconds = []
    for _ in range(rounds):
        began = process_time()
        work()
        seconds.append(process_time() - began)
    return median(seconds)


if __name__ == "__main__":
    main()
