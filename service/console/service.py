"""Service: what became of every request, how long answers took, how far the worker is, which replicas run, and what the doctor says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from service.access import Role
from service.console.charts.durations import durations
from service.console.charts.figure import Figure
from service.console.charts.ledger import End, ledger
from service.console.page import Asked, Page, Place, href
from service.console.render import MODEL
from service.diagnosis import capture, machine, server, store, watch
from service.diagnosis.result import Health, Result
from service.store.ledgers import Counts, Standing, standings
from service.store.outbox import count_messages
from service.store.volumes import latest_durations
from service.store.watched import Watched, watched_models

NAME = "service"
PATH = "/console/service"
FIGURE = "/console/service/figures/{figure}.{form}"
LATENCY_OF = timedelta(hours=1)
ANSWERS = 5_000
"""Answers of the last hour that are looked at, the newest first."""
GATEWAYS, FURTHEST = 30, 10
MARKS = {Health.OK: "good", Health.NOTE: "warn", Health.WRONG: "bad"}
HERE = (("disk", machine.disk), ("certificates", machine.certificates), ("licences", machine.licences))
ASKED = (
    ("postgres", server.server),
    ("clocks", server.clocks),
    ("gateways", capture.gateways),
    ("watch", watch.watch),
    ("references", watch.references),
    ("outbox", store.outbox),
    ("retention", store.retention),
)
"""What costs no more with years of films; `stepwedge doctor` also counts every row and reads every package."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the doctor says of one thing."""

    name: str
    result: Result
    mark: str


@dataclass(frozen=True, slots=True)
class Replica:
    """One gateway process. waiting: answers in its spool."""

    one: Standing
    word: str
    mark: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the worker is with a model."""

    one: Watched
    behind: timedelta | None
    address: str


@dataclass(frozen=True, slots=True)
class ServiceView:
    """The whole page. findings: None for who may not operate: they name machines and folders."""

    total: Counts
    figures: tuple[Figure, ...]
    replicas: tuple[Replica, ...]
    gone: int
    waiting: int
    lags: tuple[Lag, ...]
    models: int
    deliveries: tuple[tuple[str, int, int, datetime | None], ...]
    findings: tuple[Finding, ...] | None

    @property
    def drawings(self) -> tuple[tuple[Figure, tuple[tuple[str, str], ...]], ...]:
        """Each drawing, and where it can be had."""
        return tuple((one, downloads(one)) for one in self.figures)


def service(connection: Connection, asked: Asked) -> ServiceView:
    """The books of every gateway that ever spoke, and how the rest of the service stands."""
    pages = standings(connection)
    replicas = sorted(map(_replica, pages), key=lambda one: (one.mark == "none", -one.one.seen_at.timestamp()))
    lags = sorted((_lag(one, asked.now) for one in watched_models(connection)), key=_urgency)
    total = _sum([page.counts for page in pages])
    findings = tuple(_findings(connection, asked)) if asked.visitor.may(Role.OPERATE) else None
    return ServiceView(
        total=total,
        figures=tuple(_figures(connection, asked, total)),
        replicas=tuple(replicas[:GATEWAYS]),
        gone=max(len(replicas) - GATEWAYS, 0),
        waiting=sum(one.waiting for one in replicas),
        lags=tuple(lags[:FURTHEST]),
        models=len(lags),
        deliveries=tuple((kind.value, one.pending, one.dead, one.waiting_since) for kind, one in count_messages(connection).items()),
        findings=findings,
    )


def downloads(figure: Figure) -> tuple[tuple[str, str], ...]:
    """Where a drawing of this page can be had."""
    return tuple((form.upper(), href(FIGURE, figure=figure.name, form=form)) for form in ("svg", "csv"))


def _figures(connection: Connection, asked: Asked, total: Counts) -> Iterator[Figure]:
    if total.received:
        ends = (
            End("recorded", total.recorded),
            End("replayed (came again)", total.replayed),
            End("spooled", total.spooled, "held"),
            End("in progress", total.in_progress, "held"),
            End("refused", total.refused, "held"),
            End("failed", total.failed, "bad"),
            End("unrecorded", total.unrecorded, "bad"),
        )
        yield ledger("ledger", total.received, ends)
    if found := latest_durations(connection, asked.now - LATENCY_OF, ANSWERS):
        yield durations("latency", "How long answers took, last hour", found)


def _sum(counts: Sequence[Counts]) -> Counts:
    return Counts(**{name: sum(getattr(one, name) for one in counts) for name in Counts.__dataclass_fields__})


def _replica(page: Standing) -> Replica:
    waiting = max(page.counts.spooled - page.drained, 0)
    if page.counts.unaccounted or page.counts.recorded > page.stored:
        return Replica(page, "does not balance", "bad", waiting)
    if not capture.silent(page):
        return Replica(page, "runs", "good", waiting)
    if waiting:
        return Replica(page, "gone, with a spool", "bad", waiting)
    return Replica(page, "ended" if page.ended_at else "gone", "none", waiting)


def _lag(one: Watched, now: datetime) -> Lag:
    return Lag(one, None if one.until is None else now - one.until, href(MODEL, model=one.model))


def _urgency(lag: Lag) -> tuple[bool, float, str]:
    """The furthest behind first; what is not watched at all last."""
    return lag.behind is None, -(lag.behind.total_seconds() if lag.behind else 0.0), lag.one.model


def _findings(connection: Connection, asked: Asked) -> Iterator[Finding]:
    settings = asked.service.settings
    for name, look in HERE:
        yield _finding(name, look(settings))
    for name, ask in ASKED:
        yield _finding(name, ask(settings, connection))


def _finding(name: str, result: Result) -> Finding:
    return Finding(name, result, MARKS[result.health])


SERVICE_PAGE = Page(NAME, "Service", PATH, service, Place.TOP)
