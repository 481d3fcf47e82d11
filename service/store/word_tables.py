"""The table of the words that films may say in clear besides those of the standard."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, PrimaryKeyConstraint, Table, Text

from service.store.metadata import metadata, moment

accepted_words = Table(
    "accepted_words",
    metadata,
    Column("keyword", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("source", Text, CheckConstraint("source in ('operator', 'patients')", name="accepted_words_source"), nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("at", moment, nullable=False),
    PrimaryKeyConstraint("keyword", "word", name="accepted_words_pkey"),
)
