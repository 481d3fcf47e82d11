"""Predictions and labels with defaults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Engine

from service.domain import Label, ModelVersion, Prediction, Pseudonyms, Scores
from service.store.claims import instance_key
from service.store.ids import uuid7
from service.store.models import register

AT = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def make_prediction(film: str = "film", *, at: datetime = AT, pixels: str = "", **changes: Any) -> Prediction:
    """A prediction of a film; the same film has the same key, other pixels have other content."""
    names = Pseudonyms(*(digest(f"{kind} {film}")[:16] for kind in ("patient", "accession", "study", "series", "instance")))
    return replace(
        Prediction(
            id=uuid7(at),
            model_version=1,
            received_at=at,
            site="main",
            caller="pacs",
            key=instance_key(1, names.instance or b""),
            content=digest(f"content {film} {pixels}"),
            pseudonyms=names,
            attributes={"Manufacturer": "ACME", "PatientAge": 61.0, "ViewPosition": None},
            statistics={"mean": 0.25, "entropy": 5.5},
            scores=Scores(np.array([0.5, -1.25], dtype=np.float32), np.arange(4, dtype=np.float16)),
            pixel_sha256=digest(f"pixels {pixels}"),
            input_sha256=digest(f"input {film}"),
            input_bytes=1234,
            duration_ms=2.5,
        ),
        **changes,
    )


def make_label(prediction: UUID, *, finding: str = "opacity", value: float = 1.0, at: datetime = AT, **changes: Any) -> Label:
    label = Label(prediction=prediction, finding=finding, value=value, source="report", reader=None, made_at=at, received_at=at)
    return replace(label, **changes)


def make_version(engine: Engine, version: str = "1", *, model: str = "chest", sha256: str = "ab") -> ModelVersion:
    with engine.begin() as connection:
        return register(
            connection, model=model, version=version, manifest={"name": model}, artifact_sha256=sha256, package=f"models/{sha256}", at=AT
        )
