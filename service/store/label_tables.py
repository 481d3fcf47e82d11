"""The tables of labels: what readers stated, what waits for its film, what is being imported, what was asked for."""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from service.store.metadata import metadata, moment

# id is derived from the statement itself, so the same statement sent twice is one row. value is null where a reader was not certain.
# asked: the statement answers a worklist, see asked_reads. Never changed: a later statement, or one that names it, takes its place.
labels = Table(
    "labels",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("prediction", Uuid, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("finding", Text, nullable=False),
    Column("value", Double, CheckConstraint("value between 0 and 1", name="labels_value")),
    Column("source", Text, nullable=False),
    Column("reader", LargeBinary),
    Column("made_at", moment, nullable=False),
    Column("received_at", moment, nullable=False),
    Column(
        "tier",
        Text,
        CheckConstraint("tier in ('pathology', 'panel', 'follow-up', 'read', 'report')", name="labels_tier"),
        nullable=False,
        server_default=text("'report'"),
    ),
    Column("assessment", Text, CheckConstraint("assessment in ('accepted', 'rejected', 'supplemented')", name="labels_assessment")),
    Column("asked", Boolean, nullable=False, server_default=text("false")),
    Column("supersedes", Uuid),
    Index("labels_prediction", "prediction"),
    Index("labels_supersedes", "supersedes", postgresql_where=text("supersedes is not null")),
)

# Statements on a film that nobody has sent yet; the worker moves them to labels when it comes.
waiting_labels = Table(
    "waiting_labels",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("accession", LargeBinary),
    Column("study", LargeBinary),
    Column("instance", LargeBinary),
    Column("model", Text),
    Column("finding", Text, nullable=False),
    Column("value", Double, CheckConstraint("value between 0 and 1", name="waiting_labels_value")),
    Column("source", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("reader", LargeBinary),
    Column("assessment", Text),
    Column("asked", Boolean, nullable=False),
    Column("supersedes", Uuid),
    Column("made_at", moment, nullable=False),
    Column("received_at", moment, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Index("waiting_labels_received_at", "received_at"),
)

# How far an import has come, written in the transaction of each of its batches: one that broke off goes on from there.
label_imports = Table(
    "label_imports",
    metadata,
    Column("id", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("started_at", moment, nullable=False),
    Column("updated_at", moment, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("finished", Boolean, nullable=False),
    PrimaryKeyConstraint("caller", "id", name="label_imports_pkey"),
)

# Films that a worklist asked somebody to read, each with the probability with which it was drawn: one over that is the label's weight.
asked_reads = Table(
    "asked_reads",
    metadata,
    Column("prediction", Uuid, primary_key=True),
    Column("model_version", Integer, nullable=False),
    Column("probability", REAL, CheckConstraint("probability > 0 and probability <= 1", name="asked_reads_probability"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("asked_at", moment, nullable=False),
    Index("asked_reads_model_version", "model_version", "prediction"),
)
