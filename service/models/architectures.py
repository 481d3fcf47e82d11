"""Builtin architectures: the shapes that safetensors weights are poured into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from torch import Tensor, nn

from service.errors import PackageError

EMBEDDING = 32


class SmallConvnet(nn.Module):
    """Four strided convolutions, global average, a 32-dimensional embedding and one logit per finding; about 35,000 parameters."""

    def __init__(self, findings: int) -> None:
        super().__init__()
        widths = (1, 16, 32, 48, 32)
        blocks: list[nn.Module] = []
        for into, out in pairwise(widths):
            blocks += [nn.Conv2d(into, out, kernel_size=3, stride=2, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        self.features = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.embed = nn.Linear(widths[-1], EMBEDDING)
        self.classify = nn.Linear(EMBEDDING, findings)

    def forward(self, films: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, findings] and embedding [n, 32] of films [n, 1, rows, columns]."""
        embedding = self.embed(self.features(films)).relu()
        return self.classify(embedding), embedding


def small_convnet(findings: int) -> nn.Module:
    """Untrained SmallConvnet with one output per finding."""
    return SmallConvnet(findings)


ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {"small_convnet": small_convnet}


def build(architecture: str, arguments: Mapping[str, int]) -> nn.Module:
    """The untrained module that `architecture` names; PackageError where the name or an argument is unknown."""
    if architecture not in ARCHITECTURES:
        raise PackageError(f"the architecture is not one of {', '.join(sorted(ARCHITECTURES))}")
    try:
        return ARCHITECTURES[architecture](**arguments)
    except (TypeError, ValueError, RuntimeError):
        raise PackageError("the arguments do not fit the architecture") from None
