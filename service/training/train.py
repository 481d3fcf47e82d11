"""Train: from a manifest of cases to a package, on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from service.domain import ModelVersion, Tell
from service.errors import TrainingError
from service.models.loading import load_model
from service.models.manifest import Manifest, parse_manifest
from service.store.objects import fetch_folder
from service.training.films import films_of, read_manifest_of_cases
from service.training.fit import Fitted, calibrators, fit
from service.training.package import version_of, write_package

EPOCHS = 30


@dataclass(frozen=True, slots=True)
class Trained:
    """The package's manifest, and how the fit went."""

    manifest: Manifest
    fitted: Fitted
    train: int
    validation: int


def train(objects: str, cases: str, champion: ModelVersion, folder: Path, *, seed: int = 0, epochs: int = EPOCHS, tell: Tell) -> Trained:
    """Fine-tune a version on a manifest of cases and write the package. The same cases and seed give the same package on the same machine.

    Raises:
        TrainingError: The manifest is another version's or cannot be read, films are too few, or the version is no built-in architecture.
        PackageError: The champion's package cannot be loaded.
    """
    torch.set_num_threads(1)
    digest, manifest = read_manifest_of_cases(objects, cases)
    if manifest["artifact_sha256"] != champion.artifact_sha256:
        raise TrainingError("the manifest of cases was made for another version than the one that answers")
    described = parse_manifest(champion.manifest)
    net = module_of(objects, champion, described)
    learning, judging = (films_of(objects, manifest, split, tell) for split in ("train", "validation"))
    fitted = fit(net, learning, judging, seed=seed, epochs=epochs, tell=tell)
    said = f"{champion.version}, fine-tuned on {len(learning)} films (cases {digest[:16]}, seed {seed}, {fitted.best_epoch} epochs)."
    made = write_package(
        folder, described, net, calibrators(net, judging), version=version_of(champion.version, digest, seed), description=said
    )
    return Trained(made, fitted, len(learning), len(judging))


def module_of(objects: str, champion: ModelVersion, manifest: Manifest) -> nn.Module:
    """The champion's module with its weights, ready to be trained."""
    if manifest.artifact.format != "safetensors":
        raise TrainingError("the built-in trainer knows built-in architectures (safetensors) only")
    with TemporaryDirectory(prefix="stepwedge-") as place:
        module = load_model(fetch_folder(objects, champion.package, Path(place) / "package"), manifest).module
    if not isinstance(module, nn.Module):
        raise TrainingError("the champion's module cannot be trained")
    for parameter in module.parameters():
        parameter.requires_grad = True
    return module
