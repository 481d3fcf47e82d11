from __future__ import annotations

import numpy as np
import pytest

from tests.detectors.streams import (
    SERIES,
    Wandering,
    count_pages,
    days_to_page,
    make_hits,
    make_log_odds,
    make_stream_reference,
)

FILMS, REFERENCE_DAYS, YEAR, MODELS = 40, 180, 365, 10
WANDERINGS = [Wandering(), Wandering(0.3, 0.7), Wandering(0.3, 0.95), Wandering(0.6, 0.9), Wandering(0.6, 0.95)]


@pytest.mark.parametrize("wandering", WANDERINGS, ids=lambda one: f"sd {one.deviation} rho {one.correlation}")
def test_a_hundred_quiet_series_keep_a_budget_of_one_page_a_year_however_they_wander(wandering: Wandering) -> None:
    rng, series = np.random.default_rng(0), SERIES * MODELS
    hits = make_hits(rng, make_log_odds(rng, series) + wandering.path(rng, REFERENCE_DAYS + YEAR, series), FILMS)
    reference = make_stream_reference(hits[:REFERENCE_DAYS], FILMS)
    assert count_pages(reference, hits[REFERENCE_DAYS:], FILMS) <= MODELS


@pytest.mark.parametrize(("wandering", "days"), [(Wandering(), 16), (Wandering(0.3, 0.7), 28), (Wandering(0.3, 0.95), 68)])
def test_half_the_series_that_triple_their_odds_page_in_time(wandering: Wandering, days: int) -> None:
    rng, series, quiet = np.random.default_rng(1), 3 * SERIES, 30
    base = make_log_odds(rng, series)
    reference = make_stream_reference(make_hits(rng, base + wandering.path(rng, REFERENCE_DAYS, series), FILMS), FILMS)
    effects = wandering.path(rng, quiet + days, series)
    effects[quiet:] += np.log(3) * np.where(base < np.log(0.5), 1, rng.choice((-1, 1), series))
    assert np.median(days_to_page(reference, make_hits(rng, base + effects, FILMS), FILMS, quiet)) <= days
