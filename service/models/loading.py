"""A model package to a model that answers: checked against its sha256, read without pickle, tried once before it serves."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from service.errors import InferenceError, PackageError
from service.models.formats import READERS, Module
from service.models.manifest import Manifest, read_manifest
from service.models.recalibrated import recalibrated

SMALLEST_PROBABILITY = 1e-7
"""Probabilities are held this far from 0 and 1: their logits stay within +-16.2."""
LARGEST_EMBEDDING = 4096
TRIAL_FILMS = 2
PAIR = 2


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One version of a model, ready to answer. `embedding` is the length of its embedding; 0 where it returns none."""

    manifest: Manifest
    module: Module
    embedding: int

    def __call__(self, films: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
        """Logits float32 [n, findings], recalibrated where the manifest says so, and embedding float16 [n, d] of preprocessed films [n, 1, rows, columns].

        A probability outside [0, 1] becomes NaN; whoever asks for a film decides what a NaN means.

        Raises:
            InferenceError: The model failed, or returned something of another shape than at its trial.
        """
        scores, embedding = _answer(self.module, films)
        count = len(films)
        if scores.shape != (count, len(self.manifest.findings)) or embedding.shape != (count, self.embedding):
            raise InferenceError
        logits = _logits_of(scores) if self.manifest.output.kind == "probability" else scores
        largest = np.finfo(np.float16).max
        return recalibrated(self.manifest, logits), np.clip(embedding, -largest, largest).astype(np.float16)


def load_package(folder: Path) -> LoadedModel:
    """The model of a package folder.

    Raises:
        PackageError: The manifest is not valid, or `load_model` refuses the artifact.
    """
    return load_model(folder, read_manifest(folder))


def load_model(folder: Path, manifest: Manifest) -> LoadedModel:
    """The model that a manifest describes, its artifact taken from a folder.

    Raises:
        PackageError: The artifact is not the one that the manifest names, cannot be read without pickle, or does not answer
            as the manifest says.
    """
    artifact = manifest.artifact
    try:
        data = (folder / artifact.file).read_bytes()
    except OSError:
        raise PackageError("the artifact that the manifest names cannot be read") from None
    if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), artifact.sha256):
        raise PackageError("the artifact's sha256 is not the one in the manifest")
    return _tried(manifest, READERS[artifact.format](data, artifact))


def _tried(manifest: Manifest, module: Module) -> LoadedModel:
    """The model, after it answered two grey films as its manifest promises, alone and together."""
    shape = (1, manifest.preprocessing.rows, manifest.preprocessing.columns)
    films = np.linspace(-1.0, 1.0, TRIAL_FILMS, dtype=np.float32)[:, None, None, None] * np.ones(shape, np.float32)
    try:
        _, embedding = _answer(module, films)
        model = LoadedModel(manifest, module, embedding.shape[1])
        for batch in (films, films[:1]):
            _expect_finite(*model(batch))
    except (InferenceError, IndexError):
        findings = len(manifest.findings)
        raise PackageError(
            f"the model does not answer [n, 1, {shape[1]}, {shape[2]}] with finite {manifest.output.kind} values [n, {findings}] "
            "(and an embedding [n, d], if any) for every n"
        ) from None
    if model.embedding > LARGEST_EMBEDDING:
        raise PackageError(f"the embedding is longer than {LARGEST_EMBEDDING}")
    return model


def _expect_finite(*arrays: NDArray[np.floating[Any]]) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise InferenceError


def _answer(module: Module, films: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the module returns, as two arrays; the second has no columns where it returns no embedding."""
    try:
        with torch.inference_mode():
            returned = module(torch.from_numpy(films))
    except Exception:  # noqa: BLE001 (a model may raise whatever it likes; all of it means the same)
        raise InferenceError from None
    if isinstance(returned, torch.Tensor):
        return _array(returned), np.zeros((len(films), 0), np.float32)
    if not isinstance(returned, (tuple, list)) or len(returned) != PAIR:
        raise InferenceError
    return _array(returned[0]), _array(returned[1])


def _array(tensor: object) -> NDArray[np.float32]:
    if not isinstance(tensor, torch.Tensor):
        raise InferenceError
    return tensor.detach().to(device="cpu", dtype=torch.float32).numpy()


def _logits_of(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    held = np.clip(probabilities.astype(np.float64), SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    held[(probabilities < 0.0) | (probabilities > 1.0) | np.isnan(probabilities)] = np.nan
    return np.log(held / (1.0 - held)).astype(np.float32)
