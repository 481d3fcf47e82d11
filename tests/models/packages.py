"""Model packages with defaults: a small convnet with seeded weights in any of the three formats."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from service.models.architectures import small_convnet

SIDE = 32
FILES = {"safetensors": "weights.safetensors", "torchscript": "model.pt", "export": "model.pt2"}


def convnet(findings: int = 2, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return small_convnet(findings).eval()


@cache
def exported() -> bytes:
    """The convnet as an exported program; exporting takes a while."""
    return serialise(convnet(), "export")


def serialise(module: nn.Module, format_: str, *, side: int = SIDE, batch: int | None = None) -> bytes:
    """The module as an artifact; `batch` fixes the batch size of an exported program."""
    if format_ == "safetensors":
        return save({name: tensor.contiguous() for name, tensor in module.state_dict().items()})
    buffer = BytesIO()
    films = torch.zeros(batch or 2, 1, side, side)
    if format_ == "export":
        shapes = None if batch else ({0: torch.export.Dim("films", min=1, max=1024)},)
        torch.export.save(torch.export.export(module, (films,), dynamic_shapes=shapes), buffer)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that TorchScript is deprecated is the vendors' business
            torch.jit.save(torch.jit.trace(module, films), buffer)
    return buffer.getvalue()


def make_manifest(**sections: Any) -> dict[str, Any]:
    """A manifest as parsed TOML; a section given as a mapping is laid over the default one, None removes it."""
    defaults: dict[str, Any] = {
        "name": "chest",
        "version": "1",
        "description": "A test's model.",
        "artifact": {"file": "weights.safetensors", "format": "safetensors", "sha256": "0" * 64, "architecture": "small_convnet", "arguments": {"findings": 2}},
        "preprocessing": {"rows": SIDE, "columns": SIDE, "mean": 0.5, "std": 0.25},
        "findings": [{"name": "opacity", "threshold": 0.5}, {"name": "effusion", "threshold": 0.25, "cost_false_negative": 10.0}],
        "accepts": {"modality": ["DX", "CR"], "body_part": ["CHEST"]},
        "monitoring": {"alarms_per_year": 1.0},
    }  # fmt: skip
    for name, value in sections.items():
        defaults[name] = {**defaults.get(name, {}), **value} if isinstance(value, Mapping) else value
    return {name: value for name, value in defaults.items() if value is not None}


def make_package(
    folder: Path, *, data: bytes | None = None, format_: str = "safetensors", module: nn.Module | None = None, **sections: Any
) -> Path:
    """A package folder whose sha256 is right; `data` replaces the artifact's bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    content = (
        data if data is not None else exported() if format_ == "export" and module is None else serialise(module or convnet(), format_)
    )
    builtin = {} if format_ == "safetensors" else {"architecture": None, "arguments": None}
    artifact = {"file": FILES[format_], "format": format_, "sha256": hashlib.sha256(content).hexdigest(), **builtin}
    manifest = make_manifest(**{"artifact": artifact, **sections})
    (folder / FILES[format_]).write_bytes(content)
    (folder / "model.toml").write_text(to_toml(manifest))
    return folder


def to_toml(values: Mapping[str, Any]) -> str:
    """Just enough TOML for a manifest: values first, tables after."""
    plain = [f"{key} = {_inline(value)}" for key, value in values.items() if not _is_table(value) and value is not None]
    tables = [f"[{key}]\n" + to_toml_flat(value) for key, value in values.items() if isinstance(value, Mapping)]
    lists = [
        f"[[{key}]]\n" + to_toml_flat(item)
        for key, value in values.items()
        if _is_table(value) and isinstance(value, list)
        for item in value
    ]
    return "\n".join((*plain, *tables, *lists))


def to_toml_flat(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_inline(value)}\n" for key, value in table.items() if value is not None)


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_inline(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
