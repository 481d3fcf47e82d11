"""The tables of what passes leave to be read: measurements, series, and the last run of each model version."""

from __future__ import annotations

from sqlalchemy import Column, Date, Double, ForeignKey, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from service.store.metadata import metadata, moment

# What was measured of one window at the end of a day: the history that people scroll through. Thousands of numbers, in one row.
readings = Table(
    "readings",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("reference", "window_days", "as_of", name="readings_pkey"),
)

# Where every series that can page stood at the end of the last judged day.
series_readings = Table(
    "series_readings",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

# Written by the release before, a row per number; the next migration drops it.
measurements = Table(
    "measurements",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("name", Text, nullable=False),
    Column("cell", Text, nullable=False),
    Column("finding", Text, nullable=False),
    Column("feature", Text, nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("value", Double),
    Column("n", Integer, nullable=False),
    Column("low", Double),
    Column("high", Double),
    Column("limit", Double),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("reference", "as_of", "name", "cell", "finding", "feature", "window_days", name="measurements_pkey"),
)

# The last completed run of each model version: what Prometheus is given.
snapshots = Table(
    "snapshots",
    metadata,
    Column("model_version", Integer, ForeignKey("model_versions.id"), primary_key=True),
    Column("until", moment, nullable=False),
    Column("computed_at", moment, nullable=False),
    Column("payload", JSONB, nullable=False),
)
