from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from detectors.evidence import State, evidence, fold_counts
from detectors.power import DAYS, detectable
from detectors.reference import Reference
from tests.detectors.streams import SERIES, Wandering, make_counts, make_hits, make_log_odds, make_stream_reference

FILMS = 40
Floats = NDArray[np.float64]


@pytest.mark.parametrize("wandering", [Wandering(), Wandering(0.3, 0.7), Wandering(0.3, 0.95)])
def test_a_change_a_little_above_what_is_detectable_pages_in_most_series_and_one_well_below_in_few(wandering: Wandering) -> None:
    rng = np.random.default_rng(3)
    base = make_log_odds(rng, SERIES)
    reference = make_stream_reference(make_hits(rng, base + wandering.path(rng, 180, SERIES), FILMS), FILMS)
    smallest = np.log(detectable(reference, np.full(SERIES, float(FILMS)))[:, 1])
    known = np.isfinite(smallest) & (smallest < np.log(20))
    assert known.mean() > 0.8
    assert share_paged(1.35 * smallest, base, reference, wandering)[known].mean() > 0.6
    assert share_paged(0.6 * smallest, base, reference, wandering)[known].mean() < 0.35


def share_paged(shift: Floats, base: Floats, reference: Reference, wandering: Wandering) -> NDArray[np.bool_]:
    rng, state = np.random.default_rng(4), State.start(reference)
    paged = np.zeros(SERIES, dtype=bool)
    effects = wandering.path(rng, 30 + DAYS, SERIES)
    for day in range(30 + DAYS):
        hits = rng.binomial(FILMS, expit(base + effects[day] + (shift if day >= 30 else 0)))
        state = fold_counts(reference, state, day, make_counts(hits, FILMS))
        paged |= (evidence(reference, state) >= 1) & (day >= 30)
    return paged


def test_more_films_show_smaller_changes_and_none_shows_nothing() -> None:
    rng = np.random.default_rng(0)
    reference = make_stream_reference(make_hits(rng, np.tile(make_log_odds(rng, SERIES), (90, 1)), FILMS), FILMS)
    few, many, none = (detectable(reference, np.full(SERIES, films)) for films in (20.0, 200.0, 0.0))
    assert (many <= few).all()
    assert np.isinf(none).all()
