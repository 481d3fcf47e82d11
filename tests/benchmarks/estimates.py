"""Performance before labels, of 100,000 predictions: `python -m tests.benchmarks.estimates [--nannyml PYTHON]`.

A model of one finding, a reference of 20,000 labelled films, then 30 days with 100,000 films without a label, stored as 30 day sums. Measured
is what a pass does for the estimates: the stored sums are decoded and added up, the kind of shift is told, and sensitivity, predictive
value and AUROC are estimated with their intervals. Beside it stands NannyML's CBPE on the same rows: the fit on the reference and
the estimate, in one chunk, with the interpreter that is given (an environment of its own, as NannyML holds other versions of numpy and pandas);
without one, its 2.35 seconds for as many rows, measured elsewhere. Stated: at least 100 times faster, and within 0.02 of the truth. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.batch import Batch
from detectors.estimated_performance import estimated_performance
from detectors.plan import Plan
from detectors.reference import build_reference
from detectors.tally import Tally, tally

REFERENCE, FILMS, DAYS, REPEATS = 20_000, 100_000, 30, 20
KNOWN_SECONDS = 2.35
FASTER, CLOSE = 100, 0.02
RIVAL = """
import json, sys
import numpy as np, pandas as pd
from time import perf_counter
import nannyml
rows = np.load(sys.argv[1])
def frame(part):
    scores, labels = rows[part + "_scores"], rows[part + "_labels"]
    return pd.DataFrame({"p": 1 / (1 + np.exp(-scores)), "flagged": (scores >= 0).astype(int), "truth": labels.astype(int)})
reference, now = frame("reference"), frame("now")
began = perf_counter()
cbpe = nannyml.CBPE(y_pred_proba="p", y_pred="flagged", y_true="truth", metrics=["roc_auc", "recall", "precision"],
    problem_type="classification_binary", chunk_number=1)
cbpe.fit(reference)
found = cbpe.estimate(now.drop(columns="truth"))
seconds = perf_counter() - began
table = found.filter(period="analysis").to_df()
print(json.dumps({"seconds": seconds, "sensitivity": float(table[("recall", "value")].iloc[0]), "version": nannyml.__version__}))
"""

Floats = NDArray[np.float64]


def films(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Calibrated scores and the truth behind them."""
    scores = rng.normal(-2.0, 1.8, n)
    return scores, (rng.random(n) < expit(scores)).astype(float)


def batch_of(scores: Floats, labels: Floats) -> Batch:
    """Films of one finding."""
    return Batch(scores[:, None], labels[:, None], {}, {}, np.empty((len(scores), 0)))


def rival(python: str, **rows: Floats) -> dict[str, float]:
    """NannyML in its own environment on the same rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        np.savez(path, **rows)
        alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        told = subprocess.run([python, "-c", RIVAL, str(path)], capture_output=True, text=True, check=True, env=alone)
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nannyml", metavar="PYTHON", help="an interpreter that can import nannyml")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    then, now = films(rng, REFERENCE), films(rng, FILMS)
    plan = Plan(("opacity",), (0.0,))
    reference = build_reference(plan, batch_of(*then), {}, np.arange(REFERENCE) * 60 // REFERENCE)
    unlabelled = batch_of(now[0], np.full(FILMS, np.nan))
    days = np.array_split(np.arange(FILMS), DAYS)
    stored = [tally(reference.schema, unlabelled.select(rows)).encode() for rows in days]
    seconds = []
    for _ in range(REPEATS + 1):
        began = perf_counter()
        window = {"all": Tally.decode_sum(reference.schema, stored)}
        found = {one.name: one for one in estimated_performance(reference, window)}
        seconds.append(perf_counter() - began)
    ours = float(np.median(seconds[1:]))
    flagged, positive = now[0] >= 0, now[1] == 1
    truth = float((flagged & positive).sum() / positive.sum())
    other = (
        rival(arguments.nannyml, reference_scores=then[0], reference_labels=then[1], now_scores=now[0], now_labels=now[1])
        if arguments.nannyml
        else None
    )
    theirs = other["seconds"] if other else KNOWN_SECONDS
    estimate = found["estimated_sensitivity"]
    result = {
        "benchmark": "estimates",
        "predictions": FILMS,
        "milliseconds": round(1000 * ours, 2),
        "rival": f"nannyml {other['version']}, measured beside it" if other else "nannyml, a known figure for as many rows",
        "rival_seconds": round(theirs, 2),
        "times_faster": round(theirs / ours),
        "sensitivity": round(estimate.value or 0.0, 4),
        "rival_sensitivity": round(other["sensitivity"], 4) if other else None,
        "true_sensitivity": round(truth, 4),
        "ok": theirs / ours >= FASTER and estimate.value is not None and abs(estimate.value - truth) <= CLOSE,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
