"""Ledgers: what each gateway process has told its callers, beside what it stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from service.store.partitions import GONE
from service.store.tables import ledgers


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one process by their end, at one moment."""

    received: int
    recorded: int
    replayed: int
    spooled: int
    unrecorded: int
    refused: int
    failed: int
    in_progress: int

    @property
    def unaccounted(self) -> int:
        """What came and has no end; 0 when the books balance."""
        ended = self.recorded + self.replayed + self.spooled + self.unrecorded + self.refused + self.failed
        return self.received - ended - self.in_progress


@dataclass(frozen=True, slots=True)
class Page:
    """The books of one process as of `seen_at`; `ended_at` is set by its last word."""

    process: UUID
    started_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class Standing:
    """One process: what it said, how many rows are counted for it outside its spool, and how many records of its spool were drained."""

    process: UUID
    seen_at: datetime
    ended_at: datetime | None
    counts: Counts
    stored: int
    drained: int


def save_page(connection: Connection, page: Page) -> None:
    """Replace what this process said before."""
    row = {name: getattr(page, name) for name in ("process", "started_at", "seen_at", "ended_at")} | asdict(page.counts)
    query = insert(ledgers).values(row)
    connection.execute(query.on_conflict_do_update(index_elements=["process"], set_=row))


def standings(connection: Connection) -> list[Standing]:
    """Every process that ever spoke, in one snapshot."""
    query = text("""
        select ledgers.*,
            coalesce((select sum(stored) from ledger_months where process = ledgers.process), 0)
                - coalesce((select sum(stored) from spool_segments where process = ledgers.process), 0) as stored,
            coalesce((select sum(predictions) from spool_segments where process = ledgers.process), 0) as drained
        from ledgers order by started_at
    """)
    names = Counts.__dataclass_fields__
    return [
        Standing(
            row.process,
            row.seen_at,
            row.ended_at,
            Counts(**{name: getattr(row, name) for name in names}),
            int(row.stored),
            int(row.drained),
        )
        for row in connection.execute(query)
    ]


def months(connection: Connection) -> list[tuple[str, int, int]]:
    """Each month with the rows that were counted when they were stored, and the rows that are there."""
    query = text("""
        with counted as (select month, sum(stored) as stored from ledger_months where month > :gone group by month),
        present as (select date_trunc('month', received_at, 'UTC')::date as month, count(*) as rows from predictions group by 1)
        select month, coalesce(stored, 0) as stored, coalesce(rows, 0) as rows from counted full join present using (month) order by month
    """)
    return [(f"{row.month:%Y-%m}", int(row.stored), int(row.rows)) for row in connection.execute(query, {"gone": GONE})]
