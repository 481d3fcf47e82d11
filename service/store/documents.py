"""Text from outside is stored even where JSON or Postgres cannot spell it: one odd film must not fail the group that it is stored with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite

Value = str | float | None

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=float).encode


def encode(document: Mapping[str, Value]) -> bytes:
    r"""The document as JSON in UTF-8. A number that is not finite becomes null; texts are those of `spelled`.

    >>> encode({"KVP": float("nan"), "ViewPosition": "PA\0"})
    b'{"KVP":null,"ViewPosition":"PA?"}'
    """
    try:
        text = _encode(document)
    except ValueError:
        return encode(
            {name: value if value is None or isinstance(value, str) or isfinite(value) else None for name, value in document.items()}
        )
    if "\\u0000" in text:
        text = _encode({name: spelled(value) if isinstance(value, str) else value for name, value in document.items()})
    return text.encode(errors="replace")


def spelled(text: str) -> str:
    r"""The text with a question mark for each NUL and each half of a surrogate pair, which Postgres has no place for.

    >>> spelled("P\0A\udc80")
    'P?A?'
    """
    return text.replace("\0", "?").encode(errors="replace").decode()
