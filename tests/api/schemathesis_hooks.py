"""Loaded by schemathesis itself: how what it generates becomes a body of a kind that it does not know."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Text as it is; anything else, which only tests of wrong bodies make, as its Python form."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.serializer("multipart/related")
def related(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """One part that holds what was generated. Its boundary is missing from the media type: such a request is refused."""
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return b"--b\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--b--"
