"""Text from outside is stored even where JSON or Postgres cannot spell it: one odd film must not fail the group that it is stored with."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import PydanticSerializationError, to_json

Value = str | float | None


def encode(document: Mapping[str, Value]) -> bytes:
    r"""The document as JSON in UTF-8. A number that is not finite becomes null; texts are those of `spelled`.

    >>> encode({"KVP": float("nan"), "ViewPosition": "PA\0"})
    b'{"KVP":null,"ViewPosition":"PA?"}'
    """
    try:
        encoded = _encoded(document)
    except PydanticSerializationError:  # half of a surrogate pair
        return _encoded(_respelled(document))
    return _encoded(_respelled(document)) if b"\\u0000" in encoded else encoded


def spelled(text: str) -> str:
    r"""The text with a question mark for each NUL and each half of a surrogate pair, which Postgres has no place for.

    >>> spelled("P\0A\udc80")
    'P?A?'
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "?").encode(errors="replace").decode()


def _encoded(document: Mapping[str, Value]) -> bytes:
    return to_json(document, inf_nan_mode="null", fallback=float)


def _respelled(document: Mapping[str, Value]) -> dict[str, Value]:
    return {name: spelled(value) if isinstance(value, str) else value for name, value in document.items()}
