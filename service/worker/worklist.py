"""Worklist: the films whose reading says most, drawn so that they stay a fair sample of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from detectors.codes import normalise
from detectors.intervals import wilson
from detectors.measurement import Interval
from detectors.plan import ALL
from detectors.tally import Tally, tally_of
from detectors.verification import Shares, Verified
from detectors.worklist import Chances, after_reading, chances, draw, expected_positive, strata_of
from service.domain import Alarm
from service.store.alarms import open_alarms
from service.store.locks import hold_until_commit
from service.store.worklist import Asked, Candidate, ask, asked_by, unread
from service.worker.calendar import DAY
from service.worker.cells import AGE_BAND, SITE, age_bands
from service.worker.columns import AGE
from service.worker.subject import Subject
from service.worker.windows import windows_until

MOST_FILMS, MOST_LOOKED_AT = 20_000, 2000
RATES = ("sensitivity", "specificity")


@dataclass(frozen=True, slots=True)
class Buys:
    """What a rate of a finding is known to be now, and how wide its interval is expected to be once these reads are in.

    value, interval: None where nothing can be said now; `reason` says why.
    """

    finding: str
    rate: str
    value: float | None
    interval: Interval | None
    reason: str
    expected: Interval | None


@dataclass(frozen=True, slots=True)
class Worklist:
    """Films to read. frame: how many unread films they were drawn from; seed: asks for the same films again."""

    seed: int
    frame: int
    films: tuple[Asked, ...]
    buys: tuple[Buys, ...]


def worklist(
    connection: Connection, subject: Subject, until: datetime, *, days: int, reads: int, finding: str | None, seed: int
) -> Worklist:
    """Draw films to read from those of the last days that nobody has read, and write down that they were asked for.

    Nobody else draws at the same time, so no film is asked for twice. A seed that was used before gives the films it gave then.

    Args:
        connection: In the caller's transaction.
        subject: Whose films.
        until: End of the days.
        days: How many.
        reads: How many films are wanted.
        finding: The one that is in question; None: all of them.
        seed: What chance is made of.
    """
    hold_until_commit(connection, f"worklist {subject.version.id}")
    given = asked_by(connection, subject.version.id, seed)
    if given:
        return Worklist(seed, 0, tuple(given), ())
    plan = _planned(connection, subject, until, _Wanted(days, reads, finding, seed, MOST_FILMS))
    chosen = draw(plan.found.total, _dice(plan.films, seed), _unit(seed))
    asked = tuple(Asked(plan.films[row].id, float(plan.probability[row]), _reason(plan.found, row)) for row in chosen)
    ask(connection, subject.version.id, seed, asked, until)
    return Worklist(seed, plan.frame, asked, tuple(_buys(subject, plan)))


def outlook(connection: Connection, subject: Subject, until: datetime, *, days: int, reads: int, finding: str | None) -> Worklist:
    """What a worklist would buy, without drawing one: it has no films. Where there are many unread ones, reckoned from a random part."""
    plan = _planned(connection, subject, until, _Wanted(days, reads, finding, 0, MOST_LOOKED_AT))
    return Worklist(0, plan.frame, (), tuple(_buys(subject, plan)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The arguments of `worklist`; most: films that are looked at."""

    days: int
    reads: int
    finding: str | None
    seed: int
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What is planned of n films, of `frame` that nobody has read.

    tally: of all films of the days. scores [n, findings]. probability [n]: of being drawn. positive: expected positives by finding [n].
    """

    films: tuple[Candidate, ...]
    frame: int
    tally: Tally
    scores: NDArray[np.float32]
    found: Chances
    probability: NDArray[np.float64]
    positive: Mapping[str, NDArray[np.float64]]


def _planned(connection: Connection, subject: Subject, until: datetime, wanted: _Wanted) -> _Plan:
    """The films that nobody has read, and with which probability each is to be drawn."""
    since, findings = until - wanted.days * DAY, (wanted.finding,) if wanted.finding else subject.reference.plan.findings
    frame = unread(
        connection,
        subject.version.id,
        max(since, subject.until),
        until,
        doors=[bool(door) for door in subject.doors],
        seed=wanted.seed,
        most=wanted.most,
    )
    ((_, window),) = windows_until(connection, subject, until, (wanted.days,), (0,), cell=ALL)
    tally, films = tally_of(subject.reference.schema, window, ALL), frame.films
    scores = np.array([film.logits for film in films], dtype=np.float32).reshape(len(films), len(subject.reference.plan.findings))
    positive = {one: _expected(subject, tally, one, scores) for one in findings}
    doubt = np.sqrt(np.mean([p * (1 - p) for p in positive.values()], axis=0)) if len(films) else np.zeros(0)
    found = chances(doubt, _behind(films, open_alarms(connection, subject.reference_id)), wanted.reads)
    part = len(films) / max(frame.all, 1)
    return _Plan(films, frame.all, tally, scores, found, found.total * part, positive)


def _column(subject: Subject, finding: str, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return scores[:, subject.reference.plan.findings.index(finding)]


def _expected(subject: Subject, tally: Tally, finding: str, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """By what was found in the reference and since."""
    both = Verified.of(subject.reference.schema, [subject.reference.tallies[ALL] + tally], finding)
    return expected_positive(subject.reference.schema, both, finding, _column(subject, finding, scores))


def _buys(subject: Subject, plan: _Plan) -> Iterator[Buys]:
    schema = subject.reference.schema
    for finding, positive in plan.positive.items():
        phi = subject.reference.dispersion_of("performance", finding=finding)
        now = Verified.of(schema, [plan.tally], finding)
        strata = strata_of(schema, finding, _column(subject, finding, plan.scores))
        then = after_reading(now, strata, plan.probability, positive, plan.frame / max(len(plan.films), 1))
        for rate in RATES:
            value, interval, reason = _known(now.share(rate), phi)
            yield Buys(finding, rate, value, interval, reason, _known(then.share(rate), phi)[1])


def _known(shares: Shares, phi: float) -> tuple[float | None, Interval | None, str]:
    if shares.reasons[0]:
        return None, None, shares.reasons[0]
    return float(shares.value[0]), wilson(float(shares.hits[0]), float(shares.n[0]), phi), ""


def _behind(films: Sequence[Candidate], alarms: Sequence[Alarm]) -> NDArray[np.bool_]:
    """Films of the subgroup in which an open alarm lives, since it began; those of no subgroup where it lives in all."""
    found = np.zeros(len(films), dtype=bool)
    for alarm in alarms:
        if alarm.cell == ALL:
            shown = {example for carrier in alarm.carriers for example in carrier.examples}
            found |= np.array([str(film.id) in shown for film in films], dtype=bool)
            continue
        name, _, value = alarm.cell.partition("=")
        found |= np.array([film.received_at >= alarm.since and _value(name, film) == value for film in films], dtype=bool)
    return found


def _value(name: str, film: Candidate) -> str | None:
    if name == SITE:
        return film.site
    if name == AGE_BAND:
        years = film.attributes.get(AGE)
        return str(age_bands(np.array([years if isinstance(years, int | float) else np.nan]))[0])
    said = film.attributes.get(name)
    return normalise(name, said) if isinstance(said, str) else None


def _reason(found: Chances, row: int) -> str:
    """Which of the three had the largest part in it."""
    floor, alarm, total = found.floor[row], found.alarm[row], found.total[row]
    parts = {"alarm": alarm, "floor": floor, "doubt": total - floor - alarm}
    return max(parts, key=lambda name: parts[name])


def _dice(films: Sequence[Candidate], seed: int) -> NDArray[np.uint64]:
    """A random number for each film that follows from film and seed."""
    salt = seed.to_bytes(8, signed=True)
    return np.array([int.from_bytes(sha256(salt + film.id.bytes).digest()[:8]) for film in films], dtype=np.uint64)


def _unit(seed: int) -> float:
    return int.from_bytes(sha256(b"start" + seed.to_bytes(8, signed=True)).digest()[:6]) / 2**48
