"""JSON columns: what films say of themselves is stored even where JSON or Postgres cannot spell it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite

Value = str | float | None

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=float).encode


def encode(document: Mapping[str, Value]) -> bytes:
    r"""The document as UTF-8. A number that is not finite becomes null, a NUL or half a surrogate pair a question mark.

    One odd film must not fail the group of films that it is stored with.

    >>> encode({"KVP": float("nan"), "ViewPosition": "PA\0"})
    b'{"KVP":null,"ViewPosition":"PA?"}'
    """
    try:
        text = _encode(document)
    except ValueError:
        return encode({name: None if isinstance(value, float) and not isfinite(value) else value for name, value in document.items()})
    if "\\u0000" in text:
        text = _encode({name: value.replace("\0", "?") if isinstance(value, str) else value for name, value in document.items()})
    return text.encode(errors="replace")
