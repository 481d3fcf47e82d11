"""Evidence: how strongly the days spoke, one after the other, for a change of what needs no label, of what rests on labels, of silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection

from detectors.evidence import State, evidence, silence
from service.console.charts.figure import Figure
from service.console.charts.over_time import Event, Moment, Wanted, over_time
from service.store.checkpoints import checkpoints_on, last_checkpoint
from service.worker.calendar import DAY
from service.worker.subject import Subject

MOST_DAYS = 92
MOST_NUMBERS = 60_000
"""Series times days that are looked at for one page; of many series fewer days are."""
FEWEST_DAYS = 24
TITLES = (("inputs", "Films, inputs and scores"), ("labels", "What rests on labels"), ("silence", "Sources that fall silent"))
LIMIT = 1.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """The strongest evidence of each group at the end of a day, over its limit; None where the group has no series."""

    day: date
    inputs: float | None
    labels: float | None
    silence: float | None


def spoken(connection: Connection, subject: Subject, days: int) -> list[Spoken]:
    """The last days, evenly thinned where they are many, the last one among them."""
    last = last_checkpoint(connection, subject.reference_id)
    if last is None:
        return []
    reference = subject.reference
    most = min(MOST_DAYS, max(FEWEST_DAYS, MOST_NUMBERS // max(len(reference.series), 1)))
    every = -(-days // most)
    wanted = [last - step * DAY for step in range(0, days, every)]
    matured = np.array([one.matured for one in reference.series], dtype=bool)
    found = []
    for day, stored in checkpoints_on(connection, subject.reference_id, wanted):
        state = State.decode(reference, stored)
        over, silent = evidence(reference, state), silence(reference, state)
        found.append(Spoken(day, _most(over[~matured]), _most(over[matured]), _most(silent)))
    return found


def _most(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    return float(np.nanmax(values)) if len(values) and not np.all(np.isnan(values)) else None


def drawn(said: Sequence[Spoken], events: Sequence[Event]) -> Iterator[Figure]:
    """A drawing for each group, against the limit at 1."""
    for name, title in TITLES:
        moments = [_moment(one.day, getattr(one, name)) for one in said if getattr(one, name) is not None]
        if moments:
            wanted = Wanted(f"evidence-{name}", title, "evidence, 1 = limit", floor=0.0, height=170.0)
            yield over_time(wanted, moments, [one for one in events if said[0].day <= one.day <= said[-1].day])


def _moment(day: date, value: float) -> Moment:
    return Moment(day, value, limit=LIMIT, breached=value >= LIMIT)
