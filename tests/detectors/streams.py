"""Streams of rates: many models of a hundred independent series of k of n, whose log odds wander from day to day as told."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.batch import Batch
from detectors.estimates import Estimates, estimate_counts
from detectors.evidence import ATTACHES, State, evidence, fold_counts
from detectors.kernel import Kernel
from detectors.plan import Plan
from detectors.profiles import Profiles
from detectors.projection import Projection
from detectors.reference import Reference
from detectors.rhythm import Rhythm
from detectors.schema import Schema
from detectors.series import SIDES, Counts, Series, Stratum
from detectors.sources import Sources
from detectors.tally import Tally

SERIES = 100
RAREST, COMMONEST = 0.005, 0.5

Matrix = NDArray[np.float64]
Hits = NDArray[np.int64]


@dataclass(frozen=True)
class Wandering:
    """Day effects on the log odds: a stationary autoregression with this standard deviation and correlation from day to day."""

    deviation: float = 0.0
    correlation: float = 0.0

    def path(self, rng: np.random.Generator, days: int, series: int) -> Matrix:
        """Effects [days, series]."""
        effects = np.empty((days, series))
        today = rng.normal(0, self.deviation, series)
        fresh = self.deviation * np.sqrt(1 - self.correlation**2)
        for day in range(days):
            today = self.correlation * today + rng.normal(0, fresh, series)
            effects[day] = today
        return effects


def make_log_odds(rng: np.random.Generator, series: int) -> Matrix:
    """Log odds of each series: rates from rare to common, uniform on the log scale [series]."""
    return np.asarray(logit(np.exp(rng.uniform(np.log(RAREST), np.log(COMMONEST), series))))


def make_hits(rng: np.random.Generator, log_odds: Matrix, films: int) -> Hits:
    """Hits a day [days, series]."""
    return np.asarray(rng.binomial(films, expit(log_odds)), dtype=np.int64)


def make_counts(hits: Hits, films: int) -> Counts:
    return Counts(hits, np.full(hits.shape, films, dtype=np.int64))


def make_stream_reference(days: Hits, films: int, budget: float = 1.0, minimum_odds_ratio: float = 1.5) -> Reference:
    """Reference of a period of such days, by the engine's own estimates: of one model for each hundred series, each with this budget."""
    series = tuple(_series(number) for number in range(days.shape[1]))
    parts = [_estimates(series[:SERIES], days[:, at : at + SERIES], films, minimum_odds_ratio) for at in range(0, days.shape[1], SERIES)]
    names = parts[0].arrays()
    joined = replace(parts[0], **{name: np.concatenate([part.arrays()[name] for part in parts]) for name in names})
    schema = Schema((), (), (), {}, {}, Projection(np.zeros(0), np.empty((0, 0)), np.zeros(1)), Kernel.of(np.empty((0, 0))))
    plan = Plan((), (), alarms_per_year=budget * len(parts))
    profiles = Profiles.of(schema, Batch.empty(plan), np.empty((0, 0)), Tally.zero(schema))
    return Reference(plan, schema, {}, series, joined, None, profiles, Sources(), Rhythm.none(len(series)))


def days_to_page(reference: Reference, days: Hits, films: int, quiet: int = 0) -> Matrix:
    """Days after the quiet ones until each series pages [series], infinite where it does not."""
    state, found = State.start(reference), np.full(days.shape[1], np.inf)
    for day, hits in enumerate(days):
        state = fold_counts(reference, state, day, make_counts(hits, films))
        if day >= quiet:
            found[(evidence(reference, state) >= 1) & np.isinf(found)] = day - quiet + 1
    return found


def count_pages(reference: Reference, days: Hits, films: int) -> int:
    """Count crossings of the limit; a series may page again once its evidence has sunk."""
    state, pages = State.start(reference), 0
    paging = np.zeros(days.shape[1], dtype=bool)
    for day, hits in enumerate(days):
        state = fold_counts(reference, state, day, make_counts(hits, films))
        over = evidence(reference, state)
        fresh = (over >= 1) & ~paging
        pages += int(fresh.sum())
        paging = (paging | fresh) & (over >= ATTACHES)
    return pages


def _estimates(series: tuple[Series, ...], days: Hits, films: int, minimum_odds_ratio: float) -> Estimates:
    daily = [make_counts(hits, films) for hits in days]
    total = make_counts(days.sum(axis=0), films * len(days))
    return estimate_counts(series, total, np.arange(len(days)), daily, minimum_odds_ratio)


def _series(number: int) -> Series:
    return Series("acquisition", "all", f"Rate{number:05d}", "", "missing", SIDES, (Stratum(((0, 1),), ((0, 1),)),))
