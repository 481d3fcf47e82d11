"""Loaded: a draw as a review process reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Films of one stretch in columns. A category that is missing is the empty text."""

    scores: Array
    labels: Array
    embedding: Array
    numeric: dict[str, Array]
    categorical: dict[str, Array]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """What `Draw.save` wrote."""

    seed: int
    findings: tuple[str, ...]
    judged: tuple[str, ...]
    reference: Sample
    window: Sample
    quiet: Sample


def load(folder: Path) -> Loaded:
    """Read a draw."""
    names = json.loads((folder / "draw.json").read_text())
    with np.load(folder / "draw.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    parts = {part: _sample(arrays, f"{part}/") for part in ("reference", "window", "quiet")}
    return Loaded(seed=names["seed"], findings=tuple(names["findings"]), judged=tuple(names["judged"]), **parts)


def _sample(arrays: dict[str, Array], part: str) -> Sample:
    mine = {name.removeprefix(part): array for name, array in arrays.items() if name.startswith(part)}
    kinds = {
        kind: {name.removeprefix(kind): array for name, array in mine.items() if name.startswith(kind)}
        for kind in ("numeric/", "categorical/")
    }
    return Sample(mine["scores"], mine["labels"], mine["embedding"], kinds["numeric/"], kinds["categorical/"])
