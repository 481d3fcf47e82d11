"""Local rates: what a model reaches on the films of one place, each with its error, to be held against a claim or against elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.auroc_difference import auroc_difference
from detectors.calibration_difference import calibration_difference
from detectors.paired import Difference, Pair
from detectors.rate_difference import Rates, sensitivity_difference, specificity_difference

Floats = NDArray[np.float64]


def local_rates(films: Pair, threshold: float) -> Mapping[str, Difference]:
    """AUROC, sensitivity, specificity and calibration slope of one model; more is better in the first three.

    Each is the paired difference to a model that needs no data: one that knows nothing has an area of 0.5 without an error, one that flags
    everything a sensitivity of 1, one that flags nothing a specificity of 1. So variances, patients and weights are those of every comparison.

    Args:
        films: Logits as `challenger`; `champion` is not looked at.
        threshold: Logit from which a film is flagged.

    Raises:
        ValueError: Fewer than two positives or negatives.

    Source:
        As auroc_difference.py, rate_difference.py and calibration_difference.py.

    >>> rng = np.random.default_rng(0)
    >>> truth = (rng.random(400) < 0.4).astype(float)
    >>> logits = 3.0 * (truth - 0.5) + rng.normal(size=400)
    >>> found = local_rates(Pair.of(truth, logits, logits), 0.0)
    >>> {name: round(one.value, 2) for name, one in found.items()}
    {'auroc': 0.98, 'sensitivity': 0.94, 'specificity': 0.95, 'calibration_slope': 3.27}
    """
    n = len(films.truth)
    blind, eager, idle = np.zeros(n), np.ones(n), np.zeros(n)
    flags = (films.challenger >= threshold).astype(np.float64)
    area = auroc_difference(films.of_scores(blind, films.challenger)).difference
    rates = (sensitivity_difference(films.of_scores(eager, flags)), specificity_difference(films.of_scores(idle, flags)))
    hit, passed = (one.difference for one in rates if isinstance(one, Rates))
    slope = calibration_difference(films.of_scores(films.challenger, films.challenger)).slope
    return {
        "auroc": Difference(area.value + 0.5, area.variance, area.n, area.patients),
        "sensitivity": Difference(hit.value + 1, hit.variance, hit.n, hit.patients),
        "specificity": Difference(passed.value + 1, passed.variance, passed.n, passed.patients),
        "calibration_slope": slope,
    }


def apart(here: Difference, there: Difference | float) -> Difference:
    """A rate less another one of other patients, or less a number that was declared.

    >>> apart(Difference(0.8, 0.03**2, 200, 200), Difference(0.9, 0.04**2, 900, 900)).error
    0.05
    """
    if isinstance(there, float):
        return Difference(here.value - there, here.variance, here.n, here.patients)
    return Difference(here.value - there.value, here.variance + there.variance, here.n, here.patients)
