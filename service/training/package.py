"""Package: weights and what goes before and behind them, as a folder that can be registered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from detectors.calibrator import Calibrator
from service.models.manifest import MANIFEST, Manifest, parse_manifest, read_manifest

LONGEST_VERSION = 64


def version_of(champion: str, digest: str, seed: int) -> str:
    """Name of the version that comes of a manifest of cases: the same cases and seed are the same version."""
    tail = f"-retrained-{digest[:8]}" + (f"-{seed}" if seed else "")
    return champion[: LONGEST_VERSION - len(tail)] + tail


def write_package(
    folder: Path, champion: Manifest, net: nn.Module, maps: Sequence[Calibrator], *, version: str, description: str
) -> Manifest:
    """Write model.toml and the weights; everything but the weights and what is put behind them is the champion's.

    Raises:
        PackageError: What was written is no package.
    """
    weights = save({name: value.contiguous() for name, value in net.state_dict().items()})
    values = champion.as_json()
    artifact = {**_mapping(values["artifact"]), "file": "weights.safetensors", "sha256": hashlib.sha256(weights).hexdigest()}
    findings = [
        {name: value for name, value in _mapping(finding.model_dump(mode="json")).items() if name not in {"calibration", "recalibrations"}}
        | {"recalibrations": [{"slope": one.slope, "intercept": one.intercept}]}
        for finding, one in zip(champion.findings, maps, strict=True)
    ]
    made = parse_manifest({**values, "version": version, "description": description, "artifact": artifact, "findings": findings})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / MANIFEST).write_text(toml_of(made.as_json()))
    return read_manifest(folder)


def toml_of(values: Mapping[str, Any]) -> str:
    """Plain JSON values as TOML: values first, then a table each. What is None is left out.

    >>> print(toml_of({"name": "chest", "accepts": {"missing": True, "view": None}, "findings": [{"name": "opacity", "maps": [{"slope": 2.0}]}]}))
    name = "chest"
    [accepts]
    missing = true
    [[findings]]
    name = "opacity"
    maps = [{ slope = 2.0 }]
    """
    plain = {key: value for key, value in values.items() if not _is_table(value)}
    lines = _lines(plain)
    for key, value in values.items():
        if _is_table(value):
            tables = value if isinstance(value, list) else [value]
            mark = f"[[{key}]]" if isinstance(value, list) else f"[{key}]"
            lines += [line for table in tables for line in (mark, *_lines(table))]
    return "\n".join(lines)


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_inline(value)}" for key, value in values.items() if value is not None]


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_inline(one)}" for key, one in value.items() if one is not None) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_inline(one) for one in value) + "]"
    return json.dumps(value)


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _mapping(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)  # noqa: S101 - a section of a manifest
    return value
