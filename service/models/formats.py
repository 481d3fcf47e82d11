"""One reader for each artifact format: bytes that were verified already to a module in evaluation mode, never through pickle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from service.errors import PackageError
from service.models.architectures import build
from service.models.archive import check_archive
from service.models.manifest import Artifact

Module = Callable[[torch.Tensor], object]
Reader = Callable[[bytes, Artifact], Module]


def read_safetensors(data: bytes, artifact: Artifact) -> nn.Module:
    """The builtin architecture of the manifest with these weights, every one of them and no other."""
    module = build(artifact.architecture or "", artifact.arguments)
    try:
        module.load_state_dict(safetensors.torch.load(data), strict=True)
    except SafetensorError:
        raise PackageError("the artifact is not a safetensors file") from None
    except RuntimeError:
        raise PackageError("the weights do not fit the architecture") from None
    return module.eval().requires_grad_(requires_grad=False)


def read_torchscript(data: bytes, _artifact: Artifact) -> Module:
    """A scripted or traced module: torch prefers torch.export, vendors ship these, so they are read as long as torch can."""
    try:
        module: nn.Module = torch.jit.load(BytesIO(data), map_location="cpu")  # type: ignore[no-untyped-call]  # torch publishes no types for it
    except (RuntimeError, ValueError):
        raise PackageError("the artifact is not a TorchScript module") from None
    module.eval()
    return module


def read_export(data: bytes, _artifact: Artifact) -> Module:
    """A program of torch.export."""
    check_archive(data)
    try:
        return torch.export.load(BytesIO(data)).module()
    except Exception:  # noqa: BLE001 (torch raises anything, down to AssertionError, on a damaged program)
        raise PackageError("the artifact is not a program of torch.export.save") from None


READERS: Mapping[str, Reader] = {"safetensors": read_safetensors, "torchscript": read_torchscript, "export": read_export}
