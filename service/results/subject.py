"""Subject: all that a report is made from."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain import Prediction
from service.models.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Subject:
    """A prediction with what it means. header: what the report repeats of the film, see service/gateway/header.py."""

    prediction: Prediction
    manifest: Manifest
    header: bytes
