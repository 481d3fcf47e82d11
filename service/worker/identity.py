"""Identity: ids that follow from what they name."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID


def derived_id(root: UUID, purpose: str) -> UUID:
    """Derive an id from another one; it keeps its time, and is the same in every worker and after every crash."""
    drawn = int.from_bytes(sha256(root.bytes + purpose.encode()).digest()[:8]) >> 2
    return UUID(int=root.int >> 62 << 62 | drawn)
