"""Answered: the labelled films that champion and challenger both answered, whichever of them the caller was told.

Two sources: films that the challenger saw in the champion's shadow, and films that it answered itself as a canary, which the champion saw in its
shadow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from service.domain import ModelVersion
from service.models.manifest import Manifest, parse_manifest
from service.models.recalibrated import derived_scores
from service.models.sameness import same_logits
from service.store.comparisons import durations_among, labelled_between, shadowed_among
from service.store.ids import uuid7_floor
from service.store.rows import Rows, rows_between

MOST_CASES = 100_000
SHADOW, CANARY = "shadow", "canary"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sides:
    """Who is compared. derived: they are one model behind one input, and differ in what is made of its logits."""

    champion: ModelVersion
    challenger: ModelVersion
    ours: Manifest
    theirs: Manifest

    @classmethod
    def of(cls, champion: ModelVersion, challenger: ModelVersion) -> Sides:
        """With their manifests."""
        return cls(champion, challenger, parse_manifest(champion.manifest), parse_manifest(challenger.manifest))

    @property
    def derived(self) -> bool:
        return same_logits(self.ours, self.theirs)

    @property
    def turned(self) -> Sides:
        return Sides(self.challenger, self.champion, self.theirs, self.ours)


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Labelled films [n] that both answered: rows with the champion's scores, scores of the challenger [n, findings], how many of which source.

    champion_ms, challenger_ms: how long both took for those films that the champion answered while the challenger was in its shadow.
    """

    rows: Rows
    challenger: NDArray[np.float32]
    champion_ms: Floats
    challenger_ms: Floats
    sources: Mapping[str, int]


def answered_by_both(connection: Connection, sides: Sides, since: datetime, now: datetime) -> Cases:
    """What is labelled of the films that both answered, received from `since` on.

    Films of a recalibrated version are all those of the champion: its scores follow from them.
    """
    if sides.derived:
        rows = _labelled(connection, sides, since, now, None)
        return Cases(rows, derived_scores(sides.ours, sides.theirs, rows.logits), np.zeros(0), np.zeros(0), {SHADOW: len(rows)})
    shadow = _seen(connection, sides, since, now)
    turned = _seen(connection, sides.turned, since, now)
    canary = _turned(turned, sides)
    return Cases(
        joined(shadow.rows, canary.rows),
        np.concatenate([shadow.challenger, canary.challenger]),
        shadow.champion_ms,
        shadow.challenger_ms,
        {SHADOW: len(shadow.rows), CANARY: len(canary.rows)},
    )


def _labelled(connection: Connection, sides: Sides, since: datetime, until: datetime, said: Mapping[Any, Any] | None) -> Rows:
    names, tiers = sides.ours.finding_names, sides.ours.monitoring.label_tiers
    known = labelled_between(connection, sides.champion.id, uuid7_floor(since), uuid7_floor(until), MOST_CASES)
    among = known if said is None else [one for one in known if one in said]
    return rows_between(connection, sides.champion.id, since, until, names, tiers=tiers, among=among)


def _seen(connection: Connection, sides: Sides, since: datetime, until: datetime) -> Cases:
    """Labelled films that one side answered and the other one saw in its shadow."""
    known = labelled_between(connection, sides.champion.id, uuid7_floor(since), uuid7_floor(until), MOST_CASES)
    said = shadowed_among(connection, sides.challenger.id, known)
    rows = _labelled(connection, sides, since, until, said)
    columns = [sides.theirs.finding_names.index(name) for name in sides.ours.finding_names]
    scores = np.array([[said[one][0][column] for column in columns] for one in rows.ids], np.float32).reshape(len(rows), len(columns))
    took = durations_among(connection, list(rows.ids))
    return Cases(rows, scores, np.array([took[one] for one in rows.ids]), np.array([said[one][1] for one in rows.ids]), {})


def _turned(found: Cases, sides: Sides) -> Cases:
    """The same films with both sides exchanged: those that the challenger answered are the champion's rows."""
    columns = [sides.theirs.finding_names.index(name) for name in sides.ours.finding_names]
    rows = replace(found.rows, logits=found.challenger)
    return replace(found, rows=rows, challenger=found.rows.logits[:, columns])


def joined(one: Rows, other: Rows) -> Rows:
    """Rows of the same findings behind each other; what of the embedding is not the same size in both is left out."""
    if not len(other):
        return one
    parts: dict[str, Any] = {}
    for column in fields(Rows):
        mine, theirs = getattr(one, column.name), getattr(other, column.name)
        parts[column.name] = (
            mine + theirs if isinstance(mine, tuple) else np.concatenate([_bare(mine, column.name), _bare(theirs, column.name)])
        )
    return Rows(**parts)


def _bare(values: NDArray[Any], name: str) -> NDArray[Any]:
    return values[:, :0] if name == "embedding" else values
