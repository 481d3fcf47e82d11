"""Cases: the manifest of films to retrain on. It names nobody, is the same whenever it is made of the same rows, and is named by its own hash."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from service.domain import ModelVersion
from service.models.manifest import parse_manifest
from service.store.blobs import put_blob
from service.store.comparisons import labelled_between, sources_among
from service.store.ids import uuid7_floor
from service.store.kept import Kept, kept_among
from service.store.rows import Rows, rows_between

FOLDER: Final = "manifests"
SCHEMA: Final = "stepwedge.cases/1"
MOST: Final = 200_000


class Split(StrEnum):
    """What a patient's films are for."""

    TRAIN = "train"
    VALIDATION = "validation"
    ACCEPTANCE = "acceptance"


SHARES: Final = ((Split.TRAIN, 0.70), (Split.VALIDATION, 0.85), (Split.ACCEPTANCE, 1.0))
"""Of patients, cumulated."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Where a manifest lies, its hash, and how many cases of each split it names; held_out: acceptance cases, which it does not name."""

    name: str
    sha256: str
    train: int
    validation: int
    held_out: int
    without_object: int

    def to_json(self) -> dict[str, Any]:
        """What whoever retrains is told."""
        counts = {"train": self.train, "validation": self.validation, "held_out": self.held_out, "without_object": self.without_object}
        return {"manifest": self.name, "sha256": self.sha256, **counts}


def split_of(model: str, who: str) -> Split:
    """What the films of a patient are for: by a hash of his pseudonym, so all of them, always, and in every manifest the same.

    who: the pseudonym, which is keyed already; nobody who lacks the key can tell who is in which.

    >>> from collections import Counter
    >>> dict(sorted(Counter(split_of("chest", str(number)).value for number in range(1000)).items()))
    {'acceptance': 148, 'train': 708, 'validation': 144}
    """
    place = int.from_bytes(sha256(f"split {model} {who}".encode()).digest()[:8]) / 2**64
    return next(split for split, share in SHARES if place < share)


def write_cases(connection: Connection, objects: str, version: ModelVersion, now: datetime, days: int) -> Manifest:
    """Write the manifest of a version's labelled films of the last days to the object folder.

    Each case has its id, when and where it was received, the labels that count with weights and sources, its split, and where the film lies,
    if it was kept. Acceptance cases are left out: who retrains must never see them.
    """
    manifest = parse_manifest(version.manifest)
    since = now - timedelta(days=days)
    known = labelled_between(connection, version.id, uuid7_floor(since), uuid7_floor(now), MOST)
    rows = rows_between(connection, version.id, since, now, manifest.finding_names, tiers=manifest.monitoring.label_tiers, among=known)
    kept, sources = kept_among(connection, rows.ids), sources_among(connection, list(rows.ids))
    splits = [
        split_of(version.model, str(rows.patients[place]) if rows.patients[place] >= 0 else str(one)) for place, one in enumerate(rows.ids)
    ]
    cases = [
        {**_case(rows, place, manifest.finding_names, splits[place], kept.get(one)), "sources": sources.get(one, [])}
        for place, one in enumerate(rows.ids)
        if splits[place] is not Split.ACCEPTANCE and not np.isnan(rows.labels[place]).all()
    ]
    counts = Counter(splits)
    head = {
        "schema": SCHEMA,
        "model": version.model,
        "version": version.version,
        "package": version.package,
        "artifact_sha256": version.artifact_sha256,
        "findings": list(manifest.finding_names),
        "held_out": counts[Split.ACCEPTANCE],
    }
    content = json.dumps({**head, "cases": cases}, sort_keys=True, separators=(",", ":")).encode()
    digest = put_blob(objects, FOLDER, content)
    named = Counter(case["split"] for case in cases)
    bare = sum(case["object"] is None for case in cases)
    return Manifest(f"{FOLDER}/{digest}", digest, named[Split.TRAIN], named[Split.VALIDATION], counts[Split.ACCEPTANCE], bare)


def _case(rows: Rows, place: int, findings: tuple[str, ...], split: Split, kept: Kept | None) -> dict[str, Any]:
    labels = {
        finding: {"value": float(rows.labels[place, column]), "weight": float(rows.weights[place, column])}
        for column, finding in enumerate(findings)
        if not np.isnan(rows.labels[place, column])
    }
    identifier: UUID = rows.ids[place]
    return {
        "id": str(identifier),
        "received_at": rows.received_at[place].isoformat(),
        "site": rows.sites[place],
        "split": split.value,
        "labels": labels,
        "object": None if kept is None else {"name": kept.name, "sha256": kept.sha256.hex()},
    }
