"""Decoded images with defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.domain import AttributeValue, Identity, Image
from service.gateway.attributes import ALLOWED
from service.gateway.sample import in_order, sample_pixels
from service.raster import Raster
from tests.films import phantom

NOBODY = Identity(None, None, None, None, None)


def make_attributes(**values: AttributeValue) -> dict[str, AttributeValue]:
    """All allow-listed attributes; those not given are unknown."""
    return {attribute.keyword: None for attribute in ALLOWED} | values


def make_image(
    pixels: NDArray[Any] | None = None,
    *,
    span: tuple[float, float] = (0.0, 4095.0),
    identity: Identity = NOBODY,
    **attributes: AttributeValue,
) -> Image:
    """An image of these pixels, or of the phantom."""
    film = np.asarray(phantom() if pixels is None else pixels, np.float32)
    return Image(
        raster=Raster(film, lambda stored: stored.astype(np.float32)),
        sample=in_order(sample_pixels(film)),
        span=span,
        attributes=make_attributes(**attributes),
        identity=identity,
        pixel_sha256=b"\0" * 32,
        input_sha256=b"\0" * 32,
        input_bytes=1,
    )
