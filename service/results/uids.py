"""UIDs that follow from what they name, so that the same report is the same object however often it is made or sent."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from service.domain import Prediction

UUID_ROOT = "2.25"


def derived_uid(*parts: str) -> str:
    """A UID below 2.25 (PS3.5 B.2), from the SHA-256 of its parts as a UUID of version 8.

    >>> derived_uid("report", "a") == derived_uid("report", "a"), derived_uid("report", "a") == derived_uid("reporta")
    (True, False)
    """
    drawn = sha256("\0".join(parts).encode()).digest()[:16]
    return f"{UUID_ROOT}.{UUID(int=_as_version_8(int.from_bytes(drawn))).int}"


def instance_uid(prediction: Prediction) -> str:
    """The report of a prediction."""
    return derived_uid("report", str(prediction.id))


def series_uid(prediction: Prediction) -> str:
    """All reports of one model version on one study: the study by its pseudonym, so that another site's key gives another series."""
    study = prediction.pseudonyms.study or prediction.id.bytes
    return derived_uid("series", str(prediction.model_version), study.hex())


def tracking_uid(prediction: Prediction, finding: str) -> str:
    """One finding of one prediction."""
    return derived_uid("finding", str(prediction.id), finding)


def observer_uid(artifact_sha256: str) -> str:
    """The weights that made the observation."""
    return derived_uid("observer", artifact_sha256)


def _as_version_8(number: int) -> int:
    return number & ~(0xF << 76) & ~(0b11 << 62) | 8 << 76 | 0b10 << 62
