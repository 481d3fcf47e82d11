"""The table of requests that are answered later; the others are in tables.py."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, Uuid

from service.store.metadata import metadata, moment

# Until a row is here, the inbox of the gateway that took the request in says how far it is.
requests = Table(
    "requests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("batch", Uuid, nullable=False),
    Column("part", Integer, nullable=False),
    Column("model", Text),
    Column("site", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("state", Text, CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="requests_state"), nullable=False),
    Column("received_at", moment, nullable=False),
    Column("ended_at", moment),
    Column("prediction", Uuid),
    Column("reason", Text),
    Column("status", Integer),
    Column("detail", Text),
    Index("requests_batch", "batch"),
    Index("requests_ended_at", "ended_at"),
)
