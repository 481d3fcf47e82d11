"""Films: what a manifest of cases names, as arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.domain import Tell
from service.errors import DamagedObjectError, TrainingError
from service.store.blobs import fetch_named
from service.store.kept import unpacked

SCHEMA = "stepwedge.cases/1"
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """n films of one split. inputs [n, 1, rows, columns]; labels [n, findings], NaN where none; weights [n, findings]."""

    inputs: Floats
    labels: Floats
    weights: Floats

    def __len__(self) -> int:
        return len(self.inputs)


def read_manifest_of_cases(objects: str, manifest: str) -> tuple[str, Mapping[str, Any]]:
    """Digest and content of a manifest: a file, or the hash by which the object folder names it.

    Raises:
        TrainingError: There is none, it is not what its name says, or it is no manifest of cases.
    """
    path, name = Path(manifest), manifest.removeprefix("manifests/")
    try:
        content = path.read_bytes() if path.is_file() else fetch_named(objects, f"manifests/{name}")
        values = json.loads(content)
    except (OSError, ValueError):
        raise TrainingError("the manifest of cases cannot be read: give its file, or its hash in the object folder") from None
    digest = hashlib.sha256(content).hexdigest()
    if not path.is_file() and digest != name:
        raise TrainingError("the manifest of cases is not the one that its name says")
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise TrainingError(f"this is no manifest of cases ({SCHEMA})")
    return digest, values


def films_of(objects: str, manifest: Mapping[str, Any], split: str, tell: Tell) -> Films:
    """The films of a split that were kept; those that were erased since then are left out.

    Raises:
        TrainingError: A film is not the one that the manifest names.
    """
    findings: Sequence[str] = manifest["findings"]
    cases = [case for case in manifest["cases"] if case["split"] == split and case["object"] is not None]
    inputs, labels, weights = [], [], []
    for number, case in enumerate(cases):
        tell(number / len(cases), f"films, {split}")
        film = _fetched(objects, case["object"])
        if film is None:
            continue
        inputs.append(film)
        labels.append([case["labels"].get(finding, {}).get("value", np.nan) for finding in findings])
        weights.append([case["labels"].get(finding, {}).get("weight", 0.0) for finding in findings])
    shape = (len(inputs), len(findings))
    stacked = np.stack(inputs) if inputs else np.zeros((0, 1, 1, 1), np.float32)
    return Films(stacked, np.array(labels, np.float32).reshape(shape), np.array(weights, np.float32).reshape(shape))


def _fetched(objects: str, named: Mapping[str, str]) -> Floats | None:
    try:
        content = fetch_named(objects, named["name"])
    except FileNotFoundError:
        return None
    if hashlib.sha256(content).hexdigest() != named["sha256"]:
        raise TrainingError("a film in the object folder is not the one that the manifest names")
    try:
        return unpacked(content)
    except DamagedObjectError:
        raise TrainingError("a film in the object folder cannot be read") from None
