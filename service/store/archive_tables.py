"""The tables of the archive: which days lie in it, what is still to be erased there, and how far a re-tally came."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Identity, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from service.store.metadata import metadata, moment

# One row for each day of a model version that was written. predictions, labels, latest: what the store held of the day when it was read;
# content: SHA-256 of that. A day whose rows are gone from the store keeps its row.
archive_days = Table(
    "archive_days",
    metadata,
    Column("model_version", Integer, ForeignKey("model_versions.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("predictions", Integer, nullable=False),
    Column("labels", Integer, nullable=False),
    Column("latest", moment),
    Column("content", LargeBinary, nullable=False),
    Column("manifest", Text, nullable=False),
    Column("archived_at", moment, nullable=False),
    PrimaryKeyConstraint("model_version", "day", name="archive_days_pkey"),
)

# What was erased from the store and may still lie in files: no reader counts it, and it goes with the next `stepwedge archive`.
archive_tombstones = Table(
    "archive_tombstones",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("named", Text, nullable=False),
    Column("pseudonym", LargeBinary, nullable=False),
    Column("erased_at", moment, nullable=False),
)

# Days that a re-tally has done; they go when it is complete.
retallied_days = Table(
    "retallied_days",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("run", LargeBinary, nullable=False),
    PrimaryKeyConstraint("reference", "day", name="retallied_days_pkey"),
    Index("retallied_days_run", "run"),
)
