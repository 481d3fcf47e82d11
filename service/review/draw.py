"""Draw: some films of the reference and of an alarm's window, chosen by a seed, like with like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from detectors.batch import Batch
from detectors.plan import ALL
from service.domain import Alarm, Tell
from service.errors import ThinWindowError
from service.store.models import versions_by_id
from service.store.references import reference_by_id
from service.store.rows import drawn_ids, rows_between
from service.worker.calendar import DAY, floor_day
from service.worker.cells import cell_masks
from service.worker.columns import batch_of, joined, subgroups_of
from service.worker.subject import Subject, subject_with

FILMS = 500
LEAST = 20
"""Fewer films on either side are no sample."""
AT_ONCE = 500
LOOKED_AT = 40
"""Films of a stretch that are looked at, for each that is wanted, until enough of them lie in the alarm's cell."""
JUDGED = 3
ROWS, NAMES = "draw.npz", "draw.json"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Films received in [since, until)."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Films of one cell, drawn by `seed`, of each patient one.

    reference: of the reference's period, without its quiet stretch. window: of the alarm's. quiet: of the end of the reference's period, as
        long as the window where that leaves half of it: what two stretches of one hospital look like when nothing happened.
    judged: findings whose labels carry the alarm, the first few.
    """

    seed: int
    cell: str
    findings: tuple[str, ...]
    reference: Batch
    window: Batch
    quiet: Batch
    stretches: Mapping[str, Stretch]
    judged: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write it for a process that shares nothing with ours; no pickle."""
        arrays: dict[str, Any] = {}
        for part in ("reference", "window", "quiet"):
            batch: Batch = getattr(self, part)
            columns = {f"numeric/{name}": column for name, column in batch.numeric.items()}
            columns |= {f"categorical/{name}": _spelled(column) for name, column in batch.categorical.items()}
            columns |= {"scores": batch.scores, "labels": batch.labels, "embedding": batch.embedding}
            arrays |= {f"{part}/{name}": column for name, column in columns.items()}
        np.savez(folder / ROWS, **arrays)
        (folder / NAMES).write_text(json.dumps({"seed": self.seed, "findings": self.findings, "judged": self.judged}))


def draw(connection: Connection, alarm: Alarm, *, films: int = FILMS, tell: Tell = lambda _done, _what: None) -> Draw:
    """Draw up to `films` films of each stretch. The seed follows from the alarm: whoever draws again draws the same.

    Raises:
        ThinWindowError: The reference's period or the window has fewer than 20 films left.
    """
    subject = subject_with(versions_by_id(connection)[alarm.model_version], reference_by_id(connection, alarm.reference))
    seed = int.from_bytes(hashlib.sha256(alarm.id.bytes).digest()[:4])
    stretches = _stretches(connection, subject, alarm)
    drawn: dict[str, Batch] = {}
    for number, (name, stretch) in enumerate(stretches.items()):
        tell(number / len(stretches), f"films of {'the reference' if name == 'reference' else f'the {name} stretch'}")
        drawn[name] = _drawn(connection, subject, stretch, alarm.cell, seed=seed, films=films)
    if min(len(drawn["reference"]), len(drawn["window"])) < LEAST:
        raise ThinWindowError
    return Draw(seed=seed, cell=alarm.cell, findings=subject.reference.plan.findings, stretches=stretches, judged=_judged(alarm), **drawn)


def _judged(alarm: Alarm) -> tuple[str, ...]:
    carrying = dict.fromkeys(one.finding for one in alarm.carriers if one.finding) if alarm.family == "truth" else {}
    return tuple(carrying)[:JUDGED]


def _stretches(connection: Connection, subject: Subject, alarm: Alarm) -> dict[str, Stretch]:
    """What rests on labels is judged when these are of age: the last films of such an alarm came that much earlier; `since` is their time already."""
    began = reference_by_id(connection, alarm.reference).since
    age = subject.maturity_days * DAY if alarm.family == "truth" else 0 * DAY
    window = Stretch(max(alarm.since, subject.until), max(alarm.opened_at - age, subject.until))
    length = min(window.until - window.since, (subject.until - began) / 2)
    quiet = max(floor_day(subject.until - length), began)
    return {"reference": Stretch(began, quiet), "window": window, "quiet": Stretch(quiet, subject.until)}


def _drawn(connection: Connection, subject: Subject, stretch: Stretch, cell: str, *, seed: int, films: int) -> Batch:
    plan, version, tiers = subject.reference.plan, subject.version.id, subject.manifest.monitoring.label_tiers
    ids = drawn_ids(connection, version, stretch.since, stretch.until, doors=subject.doors, seed=seed, most=LOOKED_AT * films)
    parts, found = [Batch.empty(plan)], 0
    for some in _portions(ids):
        rows = rows_between(connection, version, stretch.since, stretch.until, plan.findings, doors=subject.doors, tiers=tiers, among=some)
        batch = batch_of(plan, rows)
        if cell != ALL:
            batch = batch.select(np.flatnonzero(cell_masks([cell], subgroups_of(subject.manifest.monitoring.subgroups, rows))[cell]))
        parts.append(batch.select(slice(films - found)))
        found += len(parts[-1])
        if found == films:
            break
    return joined(parts)


def _portions(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _spelled(column: Any) -> Any:  # noqa: ANN401 - numpy's own types of text are as wide
    """Missing is the empty text."""
    return np.array([value or "" for value in column], dtype=str)
