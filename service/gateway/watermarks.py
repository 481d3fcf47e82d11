"""Watermarks: how full the spool is, how old, and what became of what it held."""

from __future__ import annotations

from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge

from service.gateway.circuit import Circuit
from service.gateway.spool import Spool
from service.store.drained import Drained

OUTCOMES = (*asdict(Drained()), "rejected")


class Watermarks:
    """The spool's series. Read when they are scraped; no scrape touches a disk."""

    def __init__(self, registry: CollectorRegistry, spool: Spool, circuit: Circuit) -> None:
        gauges = (
            ("stepwedge_spool_bytes", "Bytes of the records that wait in the local spool.", lambda: spool.bytes_held),
            ("stepwedge_spool_records", "Records that wait in the local spool.", lambda: spool.records_held),
            ("stepwedge_spool_limit_bytes", "Bytes that the local spool may hold.", lambda: spool.limit),
            ("stepwedge_spool_oldest_age_seconds", "Age of the oldest segment in the local spool; 0 when it is empty.", spool.age),
            ("stepwedge_database_away", "1 while answers go to the spool because Postgres is away.", lambda: float(circuit.open)),
        )
        for name, about, value in gauges:
            Gauge(name, about, registry=registry).set_function(value)
        self._drained = Counter(
            "stepwedge_spool_drained_total",
            "Spooled records that went to Postgres. stored: a new row. known: had its row. duplicate, conflict: came second to another answer. "
            "erased: whom it names was erased meanwhile.",
            ["outcome"],
            registry=registry,
        )
        self._damaged = Counter(
            "stepwedge_spool_damaged_bytes_total", "Bytes in the middle of spool segments that could not be read.", registry=registry
        )
        for outcome in OUTCOMES:
            self._drained.labels(outcome)

    def drained(self, what: Drained) -> None:
        for outcome, count in asdict(what).items():
            self._drained.labels(outcome).inc(count)

    def rejected(self) -> None:
        self._drained.labels("rejected").inc()

    def damaged(self, count: int) -> None:
        self._damaged.inc(count)
