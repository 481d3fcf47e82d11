"""Who is examined on a day: sites, rooms, patients, their findings, and when the readers say what they saw.

Frequencies of sex, view and age are those published with NIH ChestX-ray14 (112,120 frontal films: 63,340 of men and 48,780 of
women; 67,310 PA and 44,810 AP; age 46.9 +- 16.6 years, here cut to adults; Wang et al., CVPR 2017, and the data set's own
table). Findings are commoner than there, so that ninety days are enough to judge calibration: opacity in about one film of
six (infiltration in ChestX-ray14: 17.7 %), an enlarged heart in about one of eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from math import exp

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from service.demo.phantom import Blob, Chest
from service.demo.scanner import NORTH, NORTH_MOBILE, REPLACEMENT, SOUTH, SOUTH_MOBILE, Scanner
from service.demo.scenario import Scenario

MEN = 63_340 / 112_120
AGE_MEAN, AGE_DEVIATION = 46.9, 16.6
AP_NORTH, AP_SOUTH = 0.44, 0.36  # together 0.40, as published
NORTH_SHARE = 0.5
MOBILE_SHARE = 0.7  # of the AP films; the rest are taken in the main room
RIGHT_SHARE = 0.55  # the right lung is the larger
WORKING_HOURS = 0.95  # share of films around noon; the rest come at any time
WEEK = (1.16, 1.14, 1.12, 1.12, 1.10, 0.72, 0.64)  # volume, Monday to Sunday
ADULTS = (18, 94)
MISSED, INVENTED = 0.03, 0.005  # what readers overlook, and what they see that is not there
NEVER_READ, READ_LATE, LATE_DAYS = 0.07, 0.03, 7
MISSING = {
    "PatientAge": 0.03, "PatientSex": 0.01, "ViewPosition": 0.04, "BodyPartExamined": 0.02,
    "ExposureIndex": 0.05, "DistanceSourceToDetector": 0.06, "SoftwareVersions": 0.01,
}  # fmt: skip
OPACITY, SCARS, ENLARGED = 0.15, 0.02, 0.11  # shares of an average patient; a surgical scar looks like an opacity and is none
OPACITY_AFTER, SCARS_AFTER = 0.02, 0.15  # in the south once the surgery's follow-up has taken the place of the acute patients


@dataclass(frozen=True, slots=True)
class Study:
    """One examination: all that its film and its report follow from.

    report: what the readers will say, one value a finding; reported_on: the day on which they say it, None if never.
    grain: seed of what is left to chance within the film.
    missing: attributes that this film does not state. dose: exposure relative to the room's usual one.
    """

    number: int
    day: int
    received_at: datetime
    site: str
    scanner: Scanner
    age: int
    view: str
    chest: Chest
    dose: float
    report: tuple[float, float]
    reported_on: int | None
    missing: frozenset[str]
    patient: str
    grain: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mood:
    """A day is not like another: what it adds to the log odds of disease and of bedside films."""

    disease: float
    bedside: float


@lru_cache(maxsize=128)
def studies_of(scenario: Scenario, day: int) -> tuple[Study, ...]:
    """The studies of one day in the order of their arrival; the same for the same scenario, whatever was asked before."""
    rng = np.random.default_rng((scenario.seed, 1, day))
    mood = Mood(*rng.normal(0.0, 0.15, size=2))
    volume = rng.poisson(scenario.studies_a_day * WEEK[scenario.date_of(day).weekday()])
    seconds = np.sort(_arrivals(volume, rng))
    return tuple(_study(scenario, day, index, float(at), mood) for index, at in enumerate(seconds))


def _arrivals(volume: int, rng: Generator) -> NDArray[np.float64]:
    """Seconds after midnight: most around noon, the rest at any time."""
    working = np.clip(rng.normal(11.5, 2.0, volume), 7.0, 18.0)
    hours = np.where(rng.random(volume) < WORKING_HOURS, working, rng.uniform(0.0, 23.99, volume))
    return np.asarray(hours * 3600.0)


def _study(scenario: Scenario, day: int, index: int, at: float, mood: Mood) -> Study:
    number = day * 1000 + index
    rng = np.random.default_rng((scenario.seed, 2, number))
    site = "north" if rng.random() < NORTH_SHARE else "south"
    view = "AP" if rng.random() < _shifted(AP_NORTH if site == "north" else AP_SOUTH, mood.bedside) else "PA"
    age = _age(rng)
    opacity_share, scar_share = _case_mix(scenario, day, site)
    opacity = rng.random() < _shifted(opacity_share, mood.disease + (0.5 if view == "AP" else -0.3) + 0.012 * (age - 47))
    enlarged = rng.random() < _shifted(ENLARGED, mood.disease + 0.02 * (age - 47))
    scarred = rng.random() < scar_share
    chest = _chest(rng, age, view, opacity=opacity, enlarged=enlarged, scarred=scarred)
    report = (_reported(opacity, rng), _reported(enlarged, rng))
    return Study(
        number=number,
        day=day,
        received_at=scenario.midnight(day) + timedelta(seconds=round(at, 3)),
        site=site,
        scanner=_room(scenario, day, site, view, rng),
        age=age,
        view=view,
        chest=chest,
        dose=float(np.exp(rng.normal(0.0, 0.18))),
        report=report,
        reported_on=_report_day(scenario, day, positive=max(report) > 0, rng=rng),
        missing=frozenset(name for name, share in MISSING.items() if rng.random() < share),
        patient=sha256(f"{scenario.epoch}/{scenario.seed}/{number}".encode()).hexdigest()[:10].upper(),
        grain=(scenario.seed, 3, number),
    )


def _shifted(share: float, log_odds: float) -> float:
    odds = share / (1.0 - share) * exp(log_odds)
    return odds / (1.0 + odds)


def _age(rng: Generator) -> int:
    age = 0
    while not ADULTS[0] <= age <= ADULTS[1]:
        age = round(rng.normal(AGE_MEAN, AGE_DEVIATION))
    return age


def _room(scenario: Scenario, day: int, site: str, view: str, rng: Generator) -> Scanner:
    """Each site has a main room and a mobile unit; the two mobile units are of one model."""
    if view == "AP" and rng.random() < MOBILE_SHARE:
        return NORTH_MOBILE if site == "north" else SOUTH_MOBILE
    if site == "south":
        return SOUTH
    return REPLACEMENT if day >= scenario.replacement_day else NORTH


def _case_mix(scenario: Scenario, day: int, site: str) -> tuple[float, float]:
    """Shares of opacities and of scars."""
    return (OPACITY_AFTER, SCARS_AFTER) if site == "south" and day >= scenario.decay_day else (OPACITY, SCARS)


def _chest(rng: Generator, age: int, view: str, *, opacity: bool, enlarged: bool, scarred: bool) -> Chest:
    heart = rng.normal(0.550, 0.035) if enlarged else rng.normal(0.455, 0.028) + 0.0003 * (age - 47)
    shadows = [_shadow(rng) for _ in range(1 + rng.poisson(0.4))] if opacity else []
    shadows += [_shadow(rng)] if scarred else []
    return Chest(
        female=bool(rng.random() >= MEN),
        age=age,
        view=view,
        heart=float(heart),
        girth=float(np.clip(rng.normal(1.0, 0.07), 0.8, 1.25)),
        inspiration=float(np.clip(rng.normal(0.97 if view == "PA" else 0.88, 0.04), 0.75, 1.05)),
        shadows=tuple(shadows),
    )


def _shadow(rng: Generator) -> Blob:
    """Somewhere in a lung, rather low; from plain to hardly visible."""
    side = -1.0 if rng.random() < RIGHT_SHARE else 1.0
    return Blob(
        x=float(side * rng.uniform(0.30, 0.62)),
        y=float(np.clip(rng.normal(0.12, 0.25), -0.5, 0.38)),
        radius=float(rng.uniform(0.07, 0.17)),
        depth=float(np.exp(rng.normal(-1.60, 0.45))),
    )


def _reported(present: bool, rng: Generator) -> float:  # noqa: FBT001  (the fact itself)
    return float(rng.random() < (1.0 - MISSED if present else INVENTED))


def _report_day(scenario: Scenario, day: int, *, positive: bool, rng: Generator) -> int | None:
    """Acceptance films are read on the day; later a positive is confirmed in about two days, a negative in about three, some never."""
    never, delay, slow = rng.random(), rng.gamma(2.0, 0.8 if positive else 1.3), rng.random()
    if day < scenario.acceptance_days:
        return day
    if never < NEVER_READ:
        return None
    return day + 1 + int(delay) + (LATE_DAYS if slow < READ_LATE else 0)
