"""Challengers of all sorts, registered in the shadow."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from sqlalchemy import Engine
from torch import Tensor, nn

from service.config import Settings
from service.domain import ModelVersion
from service.models.manifest import read_manifest
from service.store.models import register
from service.store.objects import put_folder
from tests.models import packages

SIDE = 64


class Scripted(nn.Module):
    """Answers as the weights of a small convnet would, until it has seen enough; then it does what its script says."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.films = 0
        self.after = after

    def misbehave(self, films: Tensor) -> Tensor:
        return films

    def forward(self, films: Tensor) -> tuple[Tensor, Tensor]:
        self.films += len(films)
        mean = films.mean(dim=(1, 2, 3))
        if self.films > self.after:
            mean = self.misbehave(films)
        return torch.stack((mean, -mean), dim=1), torch.stack((mean, mean, mean, mean), dim=1)


class Failing(Scripted):
    """Raises."""

    def misbehave(self, films: Tensor) -> Tensor:
        assert films.numel() < 0, "no"
        return films


class Hanging(Scripted):
    """Never comes back."""

    def misbehave(self, films: Tensor) -> Tensor:
        total = films.sum()
        while total == total:  # noqa: PLR0124 - for ever, unless a film holds a NaN
            total = total * 0
        return films


class Hungry(Scripted):
    """Asks for sixteen gigabytes, and uses them."""

    def misbehave(self, films: Tensor) -> Tensor:
        return torch.ones(4, 1 << 30).sum() + films.mean(dim=(1, 2, 3))


class Nonsense(Scripted):
    """Answers with what is no number."""

    def misbehave(self, films: Tensor) -> Tensor:
        return films.mean(dim=(1, 2, 3)) / 0 * 0


TRIAL = 7
"""Films that loading and warming up show a model."""


def register_challenger(
    engine: Engine, settings: Settings, folder: Path, *, version: str = "2", module: nn.Module | None = None, **sections: Any
) -> ModelVersion:
    """Put a package into the object folder and register it in the shadow."""
    values = {
        "accepts": {"modality": ["DX", "CR"], "body_part": []},
        "preprocessing": {"rows": SIDE, "columns": SIDE, "mean": 0.0, "std": 1.0},
    }
    findings = [{"name": "opacity"}, {"name": "effusion"}]
    made = packages.make_package(
        folder,
        format_="safetensors" if module is None else "torchscript",
        data=packages.serialise(packages.convnet(seed=5), "safetensors") if module is None else scripted(module),
        version=version,
        **{"findings": findings, **values, **sections},
    )
    manifest = read_manifest(made)
    package = f"models/chest/{version}"
    put_folder(settings.object_folder, package, made)
    with engine.begin() as connection:
        return register(
            connection,
            model=manifest.name,
            version=version,
            manifest=manifest.as_json(),
            artifact_sha256=manifest.artifact.sha256,
            package=package,
            at=datetime.now(UTC),
            state="shadow",
        )


def scripted(module: nn.Module) -> bytes:
    """TorchScript keeps what a trace would not: that a model may decide by what it has seen."""
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), buffer)
    return buffer.getvalue()
