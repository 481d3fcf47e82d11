"""A quiet hospital as rates: 14 findings, 30 attributes, an embedding, 8 subgroups at two sites, drawn day by day as k of n."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.estimates import Estimates, base_rates, departures, estimate_counts
from detectors.reference import Reference
from detectors.rhythm import Rhythm, kinds_of, learn_shifts, usual_films
from detectors.series import SIDES, Counts, Family, Gather, Series, Stratum
from detectors.sources import weekday
from tests.detectors.streams import Wandering, make_log_odds, make_stream_reference

FINDINGS, ATTRIBUTES, CELLS, ROOMS = 14, 30, 9, 4
"""Cells: all and eight subgroups."""
FILMS, WEEKEND, DAYS_VARY = 100, 0.35, 0.04
"""Films of a working day, share of that at weekends, and squared variation of a day's films."""
SECOND_FILM = 0.6
"""Chance of a second film of a patient, which says what the first said."""
WEEKEND_MIX = 0.5
"""Standard deviation of what a weekend does to the log odds of half of the inputs."""
LABELS_WANDER = 0.3
"""Share of the inputs' wandering that the answers' correctness has."""
MONDAY = 20_003
SIMULATED = b"simulated"
"""Digest of the references: to hash thousands of series takes longer than to judge them for a month."""

Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Kind:
    """Some series of a model: how many, on what share of a day's films, whether they rest on labels."""

    name: str
    count: int
    share: float
    matured: bool = False


KINDS = (
    Kind("acquisition", 4 * ATTRIBUTES, 1.0),
    Kind("embedding", 3 * 17, 1.0),
    Kind("score", 3 * FINDINGS, 1.0),
    Kind("prevalence", FINDINGS, 1.0, matured=True),
    Kind("sensitivity", FINDINGS * CELLS, 0.04, matured=True),
    Kind("specificity", FINDINGS * CELLS, 0.45, matured=True),
    Kind("calibration", 3 * FINDINGS * CELLS, 0.3, matured=True),
)
SERIES = sum(kind.count for kind in KINDS)
MATURED = np.repeat([kind.matured for kind in KINDS], [kind.count for kind in KINDS])
SHARE = np.repeat([kind.share for kind in KINDS], [kind.count for kind in KINDS])


@dataclass(frozen=True, eq=False)
class Years:
    """Days of some models side by side: k and n [days, models x series], films of each day [days]."""

    k: Ints
    n: Ints
    films: Ints
    days: Ints

    def counts(self, day: int) -> Counts:
        """Counts of one day."""
        return Counts(self.k[day], self.n[day])


def draw(rng: np.random.Generator, wandering: Wandering, days: int, models: int) -> Years:
    """Draw quiet days. All models of one draw have the same number of films a day.

    Day effects on the log odds: half of their variance belongs to each series, half to the rooms of its hospital, which all its inputs share with
    loadings of their own; beside them a weekend's mix of patients, and patients with two films that say the same.
    """
    numbers = MONDAY + np.arange(days)
    rest, width = weekday(numbers) >= 5, SERIES * models
    patients = rng.poisson(FILMS / (1 + SECOND_FILM) * np.where(rest, WEEKEND, 1.0) * rng.gamma(1 / DAYS_VARY, DAYS_VARY, days))
    films = patients + rng.binomial(patients, SECOND_FILM)
    scale = np.where(np.tile(MATURED, models), LABELS_WANDER, 1.0)
    rooms = wandering.path(rng, days, ROOMS * models).reshape(days, models, ROOMS)
    loadings = rng.normal(0, 1 / np.sqrt(ROOMS), (models, ROOMS, SERIES))
    shared = np.einsum("dmr,mrs->dms", rooms, loadings).reshape(days, width)
    mix = rng.normal(0, WEEKEND_MIX, width) * (rng.random(width) < 0.5) * ~np.tile(MATURED, models)
    effects = scale * np.sqrt(0.5) * (wandering.path(rng, days, width) + shared) + rest[:, None] * mix
    p = expit(make_log_odds(rng, width) + effects)
    told = rng.binomial(patients[:, None], np.tile(SHARE, models))
    hits = rng.binomial(told, p)
    twice = rng.binomial(hits, SECOND_FILM)
    return Years(hits + twice, told + twice + rng.binomial(told - hits, SECOND_FILM), films, numbers)


def learn(years: Years, reference_days: int, models: int) -> Reference:
    """Reference of each model from the first days, by the engine's own estimates, put side by side; the budget is that of one model."""
    parts = [_learn(years, reference_days, slice(at * SERIES, (at + 1) * SERIES)) for at in range(models)]
    series = tuple(_series(number, matured=bool(matured)) for number, matured in enumerate(np.tile(MATURED, models)))
    names = parts[0][0].arrays()
    estimates = replace(parts[0][0], **{name: np.concatenate([one.arrays()[name] for one, _ in parts]) for name in names})
    rhythm = Rhythm(parts[0][1].films, *(np.concatenate([getattr(one, name) for _, one in parts], axis=1) for name in ("shifts", "doubts")))
    bare = make_stream_reference(np.ones((14, 1), dtype=np.int64), 2)
    plan = replace(bare.plan, alarms_per_year=float(models))
    return replace(bare, series=series, estimates=estimates, rhythm=rhythm, plan=plan, named=SIMULATED)


def _learn(years: Years, reference_days: int, which: slice) -> tuple[Estimates, Rhythm]:
    series = tuple(_series(number, matured=bool(matured)) for number, matured in enumerate(MATURED))
    daily = [Counts(years.k[day, which], years.n[day, which]) for day in range(reference_days)]
    total = Counts(years.k[:reference_days, which].sum(axis=0), years.n[:reference_days, which].sum(axis=0))
    numbers, films = years.days[:reference_days], years.films[:reference_days]
    usual = usual_films(numbers, films)
    kinds, still = kinds_of(numbers, films, usual), np.zeros((reference_days, len(series)))
    shifts, doubts = learn_shifts(kinds, *departures(Gather.of(series), *base_rates(series, total), daily, still))
    return estimate_counts(series, total, numbers, daily, 1.5, shifts=shifts[kinds]), Rhythm(usual, shifts, doubts)


def _series(number: int, *, matured: bool) -> Series:
    family: Family = "performance" if matured else "acquisition"
    return Series(family, "all", f"Rate{number:05d}", "", "missing", SIDES, (Stratum(((0, 1),), ((0, 1),)),), matured=matured)
