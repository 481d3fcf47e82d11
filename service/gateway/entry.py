"""Entry: what the spool holds, as bytes: a prediction as the row that it will be, or a refusal. Pseudonyms only, like the rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from service.domain import Outcome, Prediction, Refusal, Sealed
from service.store.columns import TYPES, fields
from service.store.predictions import prediction_of

Entry = Prediction | Refusal

READERS: Final[Mapping[str, Callable[[Any], Any]]] = {"uuid": UUID, "timestamptz": datetime.fromisoformat, "bytea": bytes.fromhex}
"""How a column's value comes back from JSON, by its type; the others come back as they are."""


def write_entry(entry: Entry) -> bytes:
    """The entry as JSON."""
    if isinstance(entry, Refusal):
        document: dict[str, Any] = {"refusal": asdict(entry)}
    else:
        document = {"prediction": dict(zip(TYPES, fields(entry), strict=True)), "sealed": entry.sealed and asdict(entry.sealed)}
    return json.dumps(document, default=_written, separators=(",", ":")).encode()


def read_entry(payload: bytes) -> Entry:
    """The entry that these bytes were written from; a column that a newer version added is empty.

    Raises:
        ValueError: They are no entry.
    """
    try:
        document = json.loads(payload)
        if "refusal" in document:
            return _refusal(document["refusal"])
        row = {**document["prediction"], "id": document["prediction"]["id"]}
        columns = {name: _read(kind, row.get(name)) for name, kind in TYPES.items()}
        return replace(prediction_of(SimpleNamespace(**columns)), sealed=_sealed(document.get("sealed")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("no entry of the spool") from error


def _written(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Jsonb):
        return value.obj
    if isinstance(value, UUID):
        return str(value)
    return float(value)  # type: ignore[arg-type] # a number of numpy; anything else is a mistake and says so


def _read(kind: str, value: object) -> object:
    return READERS[kind](value) if kind in READERS and value is not None else value


def _sealed(given: Mapping[str, Any] | None) -> Sealed | None:
    return None if given is None else Sealed(**{**given, "header": bytes.fromhex(given["header"])})


def _refusal(given: Mapping[str, Any]) -> Refusal:
    return Refusal(**{**given, "id": UUID(given["id"]), "at": datetime.fromisoformat(given["at"]), "outcome": Outcome(given["outcome"])})
