"""Decoding with the codecs in this process, for tests that are not about codecs that crash."""

from __future__ import annotations

from service.domain import Image
from service.gateway import decode as stage
from service.gateway.budget import Reserve, unbounded
from service.gateway.codec import decompress
from service.gateway.frame import Codec
from service.gateway.limits import Limits
from service.models.manifest import Accepts

ANY = Accepts(also=("quality-control", "localizer", "secondary-capture"))


def decode(body: bytes, limits: Limits, codec: Codec = decompress, accepts: Accepts = ANY, reserve: Reserve = unbounded) -> Image:
    """As the gateway decodes, in this process unless a pool is given, and for a model that reads anything of one frame."""
    return stage.decode(body, limits, codec, accepts, reserve)
