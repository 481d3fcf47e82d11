"""Shown: what those who work beside the gateway see of a film, once its answer is on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.domain import Prediction
from service.models.manifest import Manifest


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A film that was answered for the first time.

    manifest: of the version that answered. tensor: its input [1, rows, columns]. body: the DICOM instance as it came; None where the
    film came as a tensor.
    """

    prediction: Prediction
    manifest: Manifest
    tensor: NDArray[np.float32]
    body: bytes | None


Onlooker = Callable[[Shown], None]
"""Called on the event loop after the answer; returns at once and raises nothing."""


def nobody(_film: Shown) -> None:
    """Nobody looks on."""
