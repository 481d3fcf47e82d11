"""Loaded by schemathesis itself: how its generated text becomes a body of NDJSON."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Text as it is; anything else, which only tests of wrong bodies make, as its Python form."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
