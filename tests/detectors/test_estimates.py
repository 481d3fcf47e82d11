"""Estimates: what makes counts scatter is told apart."""

from __future__ import annotations

import numpy as np

from detectors.clumps import estimate_clumps
from tests.detectors.streams import SERIES, Wandering, make_hits, make_log_odds, make_stream_reference


def test_patients_with_two_films_are_clumps_and_no_wander() -> None:
    rng = np.random.default_rng(0)
    hits = make_hits(rng, np.tile(make_log_odds(rng, SERIES), (180, 1)), 30)
    known = make_stream_reference(2 * hits, 60).estimates
    assert np.abs(known.clumps - 2).max() < 0.3
    assert np.median(known.level + known.white) < 0.03


def test_wander_is_not_taken_for_clumps() -> None:
    rng = np.random.default_rng(1)
    hits = make_hits(rng, make_log_odds(rng, SERIES) + Wandering(0.6, 0.9).path(rng, 180, SERIES), 40)
    known = make_stream_reference(hits, 40).estimates
    assert known.clumps.max() < 1.5
    assert 0.2 < known.level.mean() < 0.6


def test_a_few_series_alone_have_no_clumps() -> None:
    counts = np.random.default_rng(2).binomial(20, 0.1, (90, 3))
    assert estimate_clumps(2 * counts - 4.0, np.full(counts.shape, 3.6), ["all"] * 3).tolist() == [1.0] * 3
