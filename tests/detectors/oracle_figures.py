"""What other libraries say of films that anybody can draw again; the tests hold our statistics against the table that this prints.

They are too heavy to be installed for the tests: dcurves brings lifelines and matplotlib, relplot brings seaborn under a licence of its own,
crowd-kit brings transformers. So this runs by hand in an environment of theirs, and nothing of ours is imported here:

    python -m venv other && other/bin/pip install dcurves==1.1.7 relplot==1.0.3 crowd-kit==1.4.2 'numpy<2'
    other/bin/python tests/detectors/oracle_figures.py
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CALIBRATIONS = ((100, -1.5, 2.0, 0.0), (1000, -1.5, 2.0, 0.0), (1000, -1.5, 2.0, 0.5), (5000, -3.0, 1.5, -0.7), (2000, 0.0, 4.0, 0.0))
"""Films, mean and deviation of scores, log odds added to the truth; drawn one after the other from one generator, seed 0."""
DECIDING = (-3.2, -2.24, -1.28, -0.32, 0.64, 1.6)
"""Thresholds as logits: edges of score bins."""
READERS = ((0.9, 0.97), (0.75, 0.95), (0.6, 0.9), (0.8, 0.99))
"""Sensitivity and specificity of each."""


def films(rng: np.random.Generator, n: int, mean: float, deviation: float, odds: float) -> tuple[Floats, Floats]:
    """Scores (logits) and labels."""
    scores = rng.normal(mean, deviation, n)
    return scores, (rng.random(n) < probability(scores + odds)).astype(float)


def probability(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)))


def votes(films: int = 5000, seed: int = 4) -> NDArray[np.int64]:
    """What four readers say of films of which a quarter show the finding [films, readers]."""
    rng = np.random.default_rng(seed)
    truth = rng.random(films) < 0.25
    seen = [np.where(truth, rng.random(films) < sensitivity, rng.random(films) > specificity) for sensitivity, specificity in READERS]
    return np.asarray(np.stack(seen, axis=1), dtype=np.int64)


def main() -> None:
    """Print the table."""
    print("RELPLOT =", smooth_errors(import_module("relplot")))  # noqa: T201
    print("DCURVES =", net_benefits(import_module("dcurves"), import_module("pandas")))  # noqa: T201
    print("CROWD_KIT =", panel(import_module("crowdkit.aggregation"), import_module("pandas")))  # noqa: T201


def smooth_errors(relplot: Any) -> list[float]:
    rng = np.random.default_rng(0)
    drawn = [films(rng, *described) for described in CALIBRATIONS]
    return [round(float(relplot.smECE(probability(scores), labels)), 5) for scores, labels in drawn]


def net_benefits(dcurves: Any, pandas: Any) -> list[float]:
    scores, labels = films(np.random.default_rng(2), 1500, -2.0, 2.0, 0.0)
    rows = pandas.DataFrame({"label": labels, "model": probability(scores)})
    found = dcurves.dca(rows, "label", ["model"], thresholds=probability(np.array(DECIDING)))
    return [round(float(one), 6) for one in found[found.model == "model"].sort_values("threshold").net_benefit]


def panel(crowdkit: Any, pandas: Any) -> list[list[float]]:
    """Sensitivity and specificity of each reader, then the mean probability of the finding, by unregularised EM.

    tol: by its own rule it stops after a few rounds, long before the maximum.
    """
    said = votes()
    rows = pandas.DataFrame(
        {
            "task": np.repeat(np.arange(len(said)), said.shape[1]),
            "worker": np.tile(np.arange(said.shape[1]), len(said)),
            "label": said.ravel(),
        }
    )
    model = crowdkit.DawidSkene(n_iter=500, tol=-1.0).fit(rows)
    rates = [[float(model.errors_.loc[(reader, seen), seen]) for seen in (1, 0)] for reader in range(said.shape[1])]
    return [[round(one, 5) for one in pair] for pair in rates] + [[round(float(model.probas_[1].mean()), 5)]]


if __name__ == "__main__":
    main()
