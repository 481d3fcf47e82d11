"""Statistics against libraries that are too heavy to be installed for it: `tests/detectors/oracle_figures.py` prints the tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from detectors.curves import decision
from detectors.readers import dawid_skene
from detectors.smooth_calibration_error import smooth_error
from tests.detectors.oracle_figures import CALIBRATIONS, DECIDING, films, votes
from tests.detectors.test_calibration import histograms

RELPLOT = [0.07052, 0.03748, 0.07081, 0.03981, 0.0185]
DCURVES = [0.171905, 0.148088, 0.11114, 0.073344, 0.028806, 0.017459]
CROWD_KIT = [[0.90122, 0.97232], [0.735, 0.9503], [0.59948, 0.89772], [0.79758, 0.99075], [0.25084]]


def test_the_smooth_calibration_error_is_that_of_relplot() -> None:
    rng = np.random.default_rng(0)
    for described, known in zip(CALIBRATIONS, RELPLOT, strict=True):
        negatives, positives = histograms(*films(rng, *described))
        assert smooth_error(negatives[None], positives[None]).value[0] == pytest.approx(known, abs=1e-3)


def test_net_benefit_is_that_of_dcurves() -> None:
    points = decision(*histograms(*films(np.random.default_rng(2), 1500, -2.0, 2.0, 0.0))).points
    for threshold, known in zip(DECIDING, DCURVES, strict=True):
        (found,) = (one for one in points if abs(one.threshold - threshold) < 1e-9)
        assert found.x == pytest.approx(expit(threshold), abs=1e-6)
        assert found.y == pytest.approx(known, abs=2e-6)


def test_readers_and_truth_are_those_of_crowd_kit_but_for_our_priors() -> None:
    """Five thousand films outweigh what is expected of readers beforehand by far."""
    *readers, (share,) = CROWD_KIT
    found = dawid_skene(votes().astype(float))
    assert np.stack([found.sensitivity, found.specificity], axis=1) == pytest.approx(np.array(readers), abs=0.003)
    assert found.truth.mean() == pytest.approx(share, abs=0.001)
