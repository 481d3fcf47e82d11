"""A model package for tests: small, quick, always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch

from service.models.architectures import build

ROWS = COLUMNS = 64


def make_package(
    folder: Path,
    *,
    name: str = "chest",
    version: str = "1",
    findings: Sequence[str] = ("opacity", "effusion"),
    seed: int = 0,
    accepts: str = "",
    description: str = "Untrained weights, for tests.",
) -> Path:
    """Write a package into `folder`; another seed is another model."""
    torch.manual_seed(seed)
    weights = safetensors.torch.save(build("small_convnet", {"findings": len(findings)}).state_dict())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "model.toml").write_text(
        f"""
name = "{name}"
version = "{version}"
description = "{description}"
[artifact]
file = "weights.safetensors"
format = "safetensors"
sha256 = "{hashlib.sha256(weights).hexdigest()}"
architecture = "small_convnet"
arguments = {{ findings = {len(findings)} }}
[preprocessing]
rows = {ROWS}
columns = {COLUMNS}
[accepts]
modality = ["DX", "CR"]
{accepts}
"""
        + "".join(f'[[findings]]\nname = "{finding}"\n' for finding in findings)
    )
    return folder
