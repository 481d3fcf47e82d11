"""Swift: a built-in architecture as one graph of fused kernels, which answers in a third of the time and lets the interpreter go meanwhile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from service.models.loading import LoadedModel

TOLERANCE, HALF_PRECISION = 1e-4, 2e-3
"""Folding a normalisation into the convolution before it moves a logit by some 1e-6; an embedding is rounded to half precision."""


def swift(model: LoadedModel) -> LoadedModel:
    """The model, traced and fused where it is one of our own architectures, which do the same for every film; else as it is.

    A module that came as a program may decide by what it sees, and stays as its maker shipped it.
    """
    preprocessing = model.manifest.preprocessing
    films = np.linspace(-1.0, 1.0, 2 * preprocessing.rows * preprocessing.columns, dtype=np.float32)
    films = films.reshape(2, 1, preprocessing.rows, preprocessing.columns)
    if model.manifest.artifact.format != "safetensors" or not isinstance(model.module, nn.Module):
        return model
    frozen = replace(model, module=traced(model.module, torch.from_numpy(films)))
    (logits, embedding), (swift_logits, swift_embedding) = model(films), frozen(films)
    same = np.allclose(logits, swift_logits, rtol=TOLERANCE, atol=TOLERANCE) and np.allclose(
        embedding, swift_embedding, rtol=HALF_PRECISION, atol=HALF_PRECISION
    )
    return frozen if same else model


def traced(module: nn.Module, films: torch.Tensor) -> nn.Module:
    """The module as a frozen TorchScript graph in the layout that the kernels like best; torch prefers torch.compile, which needs a C++ compiler."""
    with torch.inference_mode():
        graph = torch.jit.trace(module, films, check_trace=False)  # type: ignore[no-untyped-call]  # torch publishes no types for it
        return torch.jit.optimize_for_inference(graph)
