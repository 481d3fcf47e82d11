"""The tables of the capture ledger and of the spool's way into the store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, LargeBinary, PrimaryKeyConstraint, Table, Uuid

from service.store.metadata import metadata, moment

# An id that was answered from the spool, and whose film turned out to have a first answer already. conflict: with other content.
aliases = Table(
    "aliases",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("prediction", Uuid, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Index("aliases_prediction", "prediction"),
)

# What each gateway process has told its callers, as of seen_at: written every few seconds, so a killed one lacks its last words.
ledgers = Table(
    "ledgers",
    metadata,
    Column("process", Uuid, primary_key=True),
    Column("started_at", moment, nullable=False),
    Column("seen_at", moment, nullable=False),
    Column("ended_at", moment),
    Column("received", BigInteger, nullable=False),
    Column("recorded", BigInteger, nullable=False),
    Column("replayed", BigInteger, nullable=False),
    Column("spooled", BigInteger, nullable=False),
    Column("unrecorded", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("in_progress", BigInteger, nullable=False),
)

# How many rows of `predictions` each process stored, counted in the transaction that stores them; a month goes with its partition.
ledger_months = Table(
    "ledger_months",
    metadata,
    Column("process", Uuid, nullable=False),
    Column("month", Date, nullable=False),
    Column("stored", BigInteger, nullable=False),
    PrimaryKeyConstraint("process", "month", name="ledger_months_pkey"),
)

# How far each segment of a process's spool has been drained, in the transaction that stores its records.
spool_segments = Table(
    "spool_segments",
    metadata,
    Column("process", Uuid, nullable=False),
    Column("segment", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("predictions", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    PrimaryKeyConstraint("process", "segment", name="spool_segments_pkey"),
)

# Digests of erased pseudonyms: a film that was received before and is recorded after leaves no row (service/store/erasures.py).
erasures = Table(
    "erasures",
    metadata,
    Column("mark", LargeBinary, primary_key=True),
    Column("at", moment, nullable=False),
)
