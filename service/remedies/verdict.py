"""Verdict: what the latest comparison says of a challenger."""

from __future__ import annotations

from sqlalchemy import Connection

from service.store.comparisons import latest_comparison

NONE_YET = "not yet"
FAILED = "fail"


def verdict_on(connection: Connection, challenger: int) -> str:
    """pass, fail or not yet; a challenger that was never compared has not passed yet."""
    found = latest_comparison(connection, challenger)
    return NONE_YET if found is None else found.decision
