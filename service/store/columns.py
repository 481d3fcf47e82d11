"""Columns of a prediction: what of it is stored, in one order for every way of writing it."""

from __future__ import annotations

from typing import Any, Final

from psycopg.types.json import Jsonb

from service.domain import Prediction
from service.store import documents

# Column and type, in the order in which fields gives them.
TYPES: Final = {
    "id": "uuid",
    "model_version": "int4",
    "received_at": "timestamptz",
    "site": "text",
    "caller": "text",
    "key": "bytea",
    "content": "bytea",
    "patient": "bytea",
    "accession": "bytea",
    "study": "bytea",
    "series": "bytea",
    "instance": "bytea",
    "attributes": "jsonb",
    "statistics": "jsonb",
    "logits": "float4[]",
    "embedding": "bytea",
    "pixel_sha256": "bytea",
    "input_sha256": "bytea",
    "input_bytes": "int8",
    "duration_ms": "float4",
    "flags": "text[]",
    "ood_distance": "float4",
}
COLUMNS: Final = ", ".join(TYPES)


def fields(prediction: Prediction) -> tuple[Any, ...]:
    """The row of a prediction, in the order of COLUMNS."""
    names, scores = prediction.pseudonyms, prediction.scores
    return (
        prediction.id,
        prediction.model_version,
        prediction.received_at,
        prediction.site,
        prediction.caller,
        prediction.key,
        prediction.content,
        names.patient,
        names.accession,
        names.study,
        names.series,
        names.instance,
        Jsonb(prediction.attributes, documents.encode),
        Jsonb(prediction.statistics, documents.encode),
        scores.logits.tolist(),
        scores.embedding.astype("<f2", copy=False).tobytes() or None,
        prediction.pixel_sha256,
        prediction.input_sha256,
        prediction.input_bytes,
        prediction.duration_ms,
        list(prediction.flags),
        prediction.ood_distance,
    )
