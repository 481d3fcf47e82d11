"""Labelled: the films of a version whose labels are mature, as a fit needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from detectors.recalibration import Labelled
from service.domain import ModelVersion
from service.models.manifest import parse_manifest
from service.store.predictions import rows_between
from service.worker.calendar import floor_hour
from service.worker.columns import subgroups_of
from service.worker.reference import stretches_of

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """Films of [since, until), all findings: scores, labels and weights [n, findings], patients [n], and masks [n] of declared subgroups."""

    since: datetime
    until: datetime
    scores: NDArray[np.float64]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]
    patients: NDArray[np.int64]
    subgroups: Mapping[str, Bools]

    def of(self, place: int) -> tuple[Labelled, Bools]:
        """The labelled films of one finding, and which of all they are."""
        chosen = np.isfinite(self.labels[:, place])
        found = Labelled(self.scores[chosen, place], self.labels[chosen, place], self.weights[chosen, place], self.patients[chosen])
        return found, chosen

    def events(self, place: int) -> tuple[int, int]:
        """Positives and negatives of one finding."""
        given = self.labels[np.isfinite(self.labels[:, place]), place]
        return int((given > 1 / 2).sum()), int((given <= 1 / 2).sum())


def mature_films(connection: Connection, version: ModelVersion, since: datetime, at: datetime) -> Films:
    """Read the films of a version whose labels are mature at `at`, day by day, and keep those that anybody labelled."""
    manifest = parse_manifest(version.manifest)
    monitoring = manifest.monitoring
    until = floor_hour(at - timedelta(days=monitoring.label_maturity_days))
    since = min(floor_hour(since), until)
    parts: list[tuple[NDArray[np.float64], ...]] = []
    names: list[dict[str, NDArray[np.object_]]] = []
    for begin, end in stretches_of(since, until):
        rows = rows_between(connection, version.id, begin, end, manifest.finding_names, tiers=monitoring.label_tiers)
        said = np.isfinite(rows.labels).any(axis=1) if len(rows) else np.zeros(0, bool)
        if said.any():
            parts.append((rows.logits[said].astype(np.float64), rows.labels[said], rows.weights[said], rows.patients[said]))
            names.append({name: values[said] for name, values in subgroups_of(monitoring.subgroups, rows).items()})
    findings = len(manifest.findings)
    empty = (np.zeros((0, findings)), np.zeros((0, findings)), np.zeros((0, findings)), np.zeros(0, np.int64))
    scores, labels, weights, patients = (np.concatenate(columns) for columns in zip(empty, *parts, strict=True))
    masks = _masks({name: np.concatenate([part[name] for part in names]) for name in monitoring.subgroups} if names else {})
    return Films(since, until, scores, labels, weights, patients.astype(np.int64), masks)


def _masks(columns: Mapping[str, NDArray[np.object_]]) -> dict[str, Bools]:
    """A mask for each value of each subgroup, `site=north` -> [n]."""
    found: dict[str, Bools] = {}
    for name, values in columns.items():
        for value in sorted({one for one in values.tolist() if one is not None}):
            found[f"{name}={value}"] = np.asarray(values == value, dtype=bool)
    return found
