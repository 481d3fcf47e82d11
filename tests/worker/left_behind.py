"""Everything that passes leave behind, for comparison."""

from __future__ import annotations

from sqlalchemy import Engine, Table, select

from service.store import tables

DATED_BY_THE_PASS = {"tallied_at", "folded_until", "judged_at"}
"""Columns that say when a row was computed, not what it says."""
LEFT: tuple[Table, ...] = (
    tables.tallies,
    tables.day_tallies,
    tables.day_marks,
    tables.checkpoints,
    tables.readings,
    tables.snapshots,
    tables.series_readings,
    tables.alarms,
    tables.remedies,
    tables.outbox,
)


def left_behind(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that only passes write, sorted."""
    with engine.connect() as connection:
        return {table.name: sorted(map(_plain, connection.execute(_said(table))), key=repr) for table in LEFT}


def _said(table: Table):
    return select(*(column for column in table.columns if column.name not in DATED_BY_THE_PASS))


def _plain(row) -> tuple[object, ...]:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
