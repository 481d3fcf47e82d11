"""What the doctor looks at to know that no answer was lost: spools, and what gateways told against what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from service.config import Settings
from service.diagnosis.result import Health, Result
from service.gateway.segment import scan
from service.gateway.shelf import ASIDE, SUFFIX
from service.store.ledgers import Standing, months, standings

SILENT_AFTER = timedelta(minutes=1)
"""A gateway speaks every few seconds; one that has been silent for so long is dead, or cannot reach Postgres."""


def spool(settings: Settings) -> Result:
    """What lies in the spool of this machine."""
    folder = settings.spool_folder
    waiting = sum(len(scan(segment.read_bytes()).records) for segment in folder.glob(f"*/*{SUFFIX}") if segment.parent.name != ASIDE)
    aside = list((folder / ASIDE).glob(f"*{SUFFIX}"))
    if aside:
        return Result(
            Health.WRONG, f"{len(aside)} files that could not be stored are in {folder / ASIDE}", "Look at them, then move them away."
        )
    if waiting:
        return Result(Health.NOTE, f"{waiting} records wait for Postgres in {folder}", "A gateway on this volume stores them by itself.")
    return Result(Health.OK, "nothing waits")


def captured(settings: Settings, connection: Connection) -> Result:
    """Every answer that was told is stored, month by month and gateway by gateway; a killed gateway lacks its last words, never its rows."""
    books = months(connection)
    lost = {month: stored - there for month, stored, there in books if there < stored}
    if lost:
        detail = ", ".join(f"{count} of {month}" for month, count in lost.items())
        return Result(
            Health.WRONG, f"rows that were stored are missing: {detail}", "Rows were removed from outside; restore them from a backup."
        )
    said = gateways(settings, connection)
    extra = sum(there - stored for _, stored, there in books)
    beside = f", {extra} rows of no gateway that keeps books" if extra and said.health is Health.OK else ""
    return replace(said, detail=f"{said.detail}{beside}")


def gateways(_settings: Settings, connection: Connection) -> Result:
    """What each gateway told is stored or lies where somebody will store it; no row is counted for it."""
    pages = standings(connection)
    if wrong := [page for page in pages if page.counts.recorded > page.stored or page.counts.unaccounted]:
        return Result(
            Health.WRONG, f"the books do not balance: {told(wrong[0])}", "This is a defect of Stepwedge: report it with this line."
        )
    if waiting := [page for page in pages if silent(page) and page.counts.spooled > page.drained]:
        count = sum(page.counts.spooled - page.drained for page in waiting)
        return Result(
            Health.WRONG,
            f"{count} answers lie in the spools of {len(waiting)} gateways that do not run",
            "Start a gateway on their volume: it stores them by itself.",
        )
    return Result(Health.OK, f"every answer of {len(pages)} gateways is accounted for")


def told(page: Standing) -> str:
    counts = page.counts
    return (
        f"gateway {page.process}: received {counts.received} = recorded {counts.recorded} + replayed {counts.replayed} + spooled {counts.spooled}"
        f" + unrecorded {counts.unrecorded} + refused {counts.refused} + failed {counts.failed} + in work {counts.in_progress}; stored {page.stored}"
    )


def silent(page: Standing) -> bool:
    return page.ended_at is not None or datetime.now(UTC) - page.seen_at > SILENT_AFTER
