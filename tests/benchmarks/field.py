"""Odd streams of the field, quiet for a year and then with a clear change: `python -m tests.benchmarks.field [--years N] [--only NAME]`.

Each stream is a small hospital with tallies, bins, subgroups, labels and silence rules as in service (tests/detectors/builders.py), at a budget of one
alarm a year: three films a day, five thousand, a reference of 200 films or of one week, holidays, a rare finding, scanners that take turns by
the week, a season, clocks that change, three days of downtime and what was missed arriving at once, patients who stay and are filmed daily, an
attribute that never varied. `alarms` counts what opened in quiet years, inputs and truth; `silence` days on which a source counts as silent (the
downtime is one). `days` is how long after it begins the change pages: a scanner that the reference does not know, in one of two rooms.

`ok`: in every stream at most one alarm a year, and the change pages within a week (three weeks at three films a day).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.evidence import ATTACHES, State, evidence, fold_day, silence
from detectors.reference import Reference, build_reference
from detectors.sources import weekday
from detectors.tally import Tally, tally_cells
from tests.detectors.builders import make_plan, make_rows

MONDAY = 20_003
WEEK, YEAR, CHANGED_DAYS = 7, 365, 40
RARE = -4.6
"""Log odds by which a finding of a quarter of all films becomes one of about a two-hundredth."""
STAY = 8
"""Days for which a patient of the ward stays."""
Rows = tuple[Batch, dict[str, NDArray[np.bool_]]]


@dataclass(frozen=True)
class Stream:
    """films: of each day of the stream. changes: what that day's films are like (builders.Stream). reference: days; quiet: days.

    stays: patients who stay and are filmed every day. constant: a view position that never varies. most: days until a change must page.
    """

    films: Callable[[int], int]
    changes: Callable[[int], Mapping[str, object]] = lambda _: {}
    reference: int = 180
    quiet: int = YEAR
    stays: int = 0
    constant: bool = False
    most: int = WEEK


def by_weekday(working: int, rest: int) -> Callable[[int], int]:
    """So many films on working days, and on Saturdays and Sundays."""
    return lambda day: rest if weekday(np.array(MONDAY + day)) >= 5 else working


def holidays(day: int) -> int:
    """Ten holidays a year on any weekday, and a week at its end with a third of the films."""
    usual = by_weekday(60, 20)(day)
    return 20 if day % 36 == 0 or day % YEAR > YEAR - 8 else usual


def outage(day: int) -> int:
    """Three days of downtime every four months; what was missed comes the day after."""
    place = day % 120
    return 0 if 90 <= place < 93 else 160 if place == 93 else 40


def clocks(day: int) -> int:
    """Hours of one day count to the next, twice a year."""
    return {0: 28, 1: 52}.get(day % 182, 40)


def season(day: int) -> dict[str, object]:
    """Prevalence and brightness go with the year."""
    phase = float(np.sin(2 * np.pi * day / YEAR))
    return {"prevalence": 0.15 * phase, "brightness": 1.0 * phase}


STREAMS: Mapping[str, Stream] = {
    "three films a day, none at weekends": Stream(by_weekday(3, 0), most=21),
    "five thousand films a day": Stream(lambda _: 5000, reference=30, quiet=60),
    "a reference of 200 films": Stream(lambda day: 10 if day < 20 else 60, reference=20),
    "a reference of one week": Stream(lambda _: 60, reference=7),
    "holidays": Stream(holidays),
    "a finding on one film in two hundred": Stream(lambda _: 60, lambda _: {"prevalence": RARE}),
    "two scanners by turns, week by week": Stream(lambda _: 40, lambda day: {"scanner": ("Beta", "Delta")[day // WEEK % 2]}),
    "a season": Stream(lambda _: 40, season),
    "clocks that change": Stream(clocks),
    "downtime, and all that was missed at once": Stream(outage),
    "patients who stay": Stream(lambda _: 25, stays=15),
    "an attribute that never varied": Stream(lambda _: 40, constant=True),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--years", type=int, default=2, help="quiet years a stream")
    parser.add_argument("--only", default="", help="streams whose name has this")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    failed = []
    for name, stream in STREAMS.items():
        if arguments.only in name:
            found = [measure(stream, seed) for seed in range(arguments.years)]
            alarms, silent, delays = (list(one) for one in zip(*found, strict=True))
            rows.append({"stream": name, "alarms": alarms, "silence": silent, "days": delays})
            print(json.dumps(rows[-1]), flush=True)
            if sum(alarms) > arguments.years or max(delays) > stream.most:
                failed.append(name)
    print(json.dumps({"benchmark": "field", "quiet_years": arguments.years, "rows": rows, "failed": failed, "ok": not failed}))


def measure(stream: Stream, seed: int) -> tuple[int, int, int]:
    """Alarms and days of silence in quiet days, and days until the change pages."""
    watch, alarms, open_, silent = Watch(learn(stream, seed), stream, seed), 0, False, 0
    days = range(stream.reference, stream.reference + stream.quiet)
    for day in days:
        state = watch.after(day, {})
        most, stopped = float(evidence(watch.reference, state).max()), bool((silence(watch.reference, state) >= 1).any())
        alarms, open_ = alarms + int(most >= 1 and not open_), most >= (ATTACHES if open_ else 1)
        silent += int(stopped)
    for waited in range(1, CHANGED_DAYS + 1):
        if evidence(watch.reference, watch.after(days[-1] + waited, {"scanner": "Gamma"})).max() >= 1:
            return alarms, silent, waited
    return alarms, silent, CHANGED_DAYS + 1


class Watch:
    """Evidence of one stream, day after day, and the tallies whose labels have not come of age."""

    def __init__(self, reference: Reference, stream: Stream, seed: int) -> None:
        self.reference, self.stream, self.seed = reference, stream, seed
        self.state, self.past = State.start(reference), dict[int, Mapping[str, Tally]]()

    def after(self, day: int, change: Mapping[str, object]) -> State:
        """Fold a day; one without films has no tally."""
        batch, masks = rows_of(self.stream, self.seed, day, change)
        self.past[day] = tally_cells(self.reference.schema, batch, masks, ()) if len(batch) else {}
        matured = self.past.pop(day - self.reference.plan.label_maturity_days, {})
        self.state = fold_day(self.reference, self.state, MONDAY + day, self.past[day], matured)
        return self.state


def learn(stream: Stream, seed: int) -> Reference:
    """Reference of the first days."""
    parts = [rows_of(stream, seed, day, {}) for day in range(stream.reference)]
    days = np.repeat(MONDAY + np.arange(stream.reference), [len(batch) for batch, _ in parts])
    masks = {cell: np.concatenate([mask[cell] for _, mask in parts]) for cell in parts[0][1]}
    return build_reference(make_plan(), joined([batch for batch, _ in parts]), masks, days)


def rows_of(stream: Stream, seed: int, day: int, change: Mapping[str, object]) -> Rows:
    """Films of a day: of new patients, and of those who stay."""
    fresh = make_rows(stream.films(day), seed=1_000_000 * (seed + 1) + day, **{**stream.changes(day), **change})
    stays = [_stay(stream, seed, day, bed, change) for bed in range(stream.stays)]
    batch = joined([fresh[0], *(one for one, _ in stays)]) if stays else fresh[0]
    masks = {cell: np.concatenate([mask, *(one[cell] for _, one in stays)]) for cell, mask in fresh[1].items()}
    if not stream.constant:
        return batch, masks
    views = np.full(len(batch), "PA", dtype=object)
    return replace(batch, categorical=dict(batch.categorical) | {"ViewPosition": views}), masks


def _stay(stream: Stream, seed: int, day: int, bed: int, change: Mapping[str, object]) -> Rows:
    """The film of today of whoever lies in this bed: like that of yesterday."""
    return make_rows(1, seed=5_000_000 * (seed + 1) + 1000 * ((day + bed) // STAY) + bed, **change)


def joined(parts: list[Batch]) -> Batch:
    """One batch of several."""
    return Batch(
        scores=np.concatenate([one.scores for one in parts]),
        labels=np.concatenate([one.labels for one in parts]),
        numeric={name: np.concatenate([one.numeric[name] for one in parts]) for name in parts[0].numeric},
        categorical={name: np.concatenate([one.categorical[name] for one in parts]) for name in parts[0].categorical},
        embedding=np.concatenate([one.embedding for one in parts]),
        patients=np.concatenate([one.patients for one in parts if one.patients is not None]),
    )


if __name__ == "__main__":
    main()
