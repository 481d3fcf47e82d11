"""create_app(settings): wiring and lifespan only."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from threading import Event, Thread
from uuid import uuid4

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from service.api import handlers
from service.api.attend import Attendants
from service.api.direct import Direct
from service.api.documents import DESCRIPTION, document
from service.api.envelope import Envelope
from service.api.metrics import open_registry
from service.api.routers import DIRECT, ROUTERS
from service.api.state import Service
from service.config import Settings
from service.console.routes import routes
from service.domain import ModelVersion
from service.errors import SetupError
from service.gateway.admit import Admission
from service.gateway.allocator import fill_holes
from service.gateway.audit import AuditLog
from service.gateway.books import Books
from service.gateway.budget import PixelBudget
from service.gateway.callers import Callers
from service.gateway.capture import SPOOL_PATIENCE_S, Capture
from service.gateway.circuit import Circuit
from service.gateway.database import Database
from service.gateway.decoders import Decoders
from service.gateway.devices import DeviceRegister
from service.gateway.distance import Outliers
from service.gateway.drain import Drainer
from service.gateway.duplicates import Duplicates
from service.gateway.fleet import Fleet
from service.gateway.frame import Codec
from service.gateway.inbox import Inbox
from service.gateway.inbox_metrics import InboxMetrics
from service.gateway.isolation import CodecPool
from service.gateway.issuer import Issuer
from service.gateway.journal import Journal
from service.gateway.key import pseudonym_key
from service.gateway.last_known import LastKnown
from service.gateway.ledger import Ledger
from service.gateway.limits import Limits
from service.gateway.notices import Notices
from service.gateway.pace import Pace
from service.gateway.path import Gateway
from service.gateway.polarity import Polarity
from service.gateway.predict import Predictor
from service.gateway.queue import Queue
from service.gateway.record import Recorder
from service.gateway.refuse import RefusalLog
from service.gateway.seal import Sealer
from service.gateway.spool import Spool
from service.gateway.versions import Versions
from service.gateway.vocabulary import Vocabulary
from service.gateway.watermarks import Watermarks
from service.models.registry import open_model
from service.models.swift import swift
from service.results.archive import Archive
from service.results.fetch import Reports
from service.results.push import Pusher, PushMetrics
from service.results.renderer import Renderer
from service.results.stow import TIMEOUT_S, Pacs
from service.shadow.onlookers import open_onlookers
from service.store.engine import open_engine
from service.worker.export import MeasurementCollector

REFRESH_S = 5.0
MOST_DECODERS = 8


def create_app(settings: Settings) -> FastAPI:
    """The gateway as an ASGI application.

    Raises:
        SetupError: There is no pseudonym key worth the name, no database, or a PACS that nothing can be pushed to.
    """
    key = pseudonym_key(settings)
    if settings.database_url is None:
        raise SetupError("The gateway needs a database: set DATABASE_URL, or let `stepwedge up` bring one.")
    url, pacs = settings.database_url, Pacs.of(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            engine = open_engine(url)
            stack.callback(engine.dispose)
            app.state.service = assemble(settings, key, pacs, engine, stack)
            yield

    described = {"title": "Stepwedge", "description": DESCRIPTION, "version": "1", "docs_url": None, "redoc_url": None}
    app = Direct(DIRECT, Envelope, {**described, "lifespan": lifespan, "redirect_slashes": False})
    app.add_middleware(Envelope)
    app.router.routes.extend(routes())
    handlers.install(app, ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: dict(document(app))  # type: ignore[method-assign] # FastAPI's documented way to extend its document
    return app


def assemble(settings: Settings, key: bytes, pacs: Pacs | None, engine: Engine, stack: AsyncExitStack) -> Service:
    """Make the parts, and leave on the stack how they end: what was made last ends first."""
    registry = open_registry()
    ledger, notices = Ledger(registry), Notices(registry)
    database, pages = open_database(engine, 4, stack), open_database(engine, 2, stack)
    audit = AuditLog(database, ledger)
    stack.push_async_callback(audit.close)
    process, circuit = uuid4(), Circuit()
    books = Books(process, database, ledger, circuit)
    stack.push_async_callback(books.close)
    run_beside(stack, books.watch())
    spool = Spool(settings.spool_folder, process, limit=settings.spool_bytes)
    spool.open()
    stack.push_async_callback(lambda: spool.close(SPOOL_PATIENCE_S))
    run_beside(stack, Drainer(database, spool, circuit, Watermarks(registry, spool, circuit), books).watch())
    refusals = RefusalLog(database, ledger, spool)
    stack.push_async_callback(refusals.close)
    recorder = Recorder(engine, patience=settings.record_patience_s, process=process)
    stack.push_async_callback(recorder.close)
    circuit.on_open(recorder.give_up)
    capture = Capture(recorder, spool, circuit, serve_unrecorded=settings.unrecordable == "serve_unrecorded")
    last_known = open_last_known(settings, key, registry, stack)
    callers = open_callers(settings, key, database, last_known, stack)
    fleet = Fleet(database, last_known, lambda version: start_predictor(settings, ledger, notices, version))
    stack.push_async_callback(fleet.close)
    run_beside(stack, fleet.watch())
    vocabulary = Vocabulary(key)
    run_beside(stack, vocabulary.watch(database, last_known))
    polarity, outliers = Polarity(database), Outliers(database)
    run_beside(stack, polarity.watch())
    run_beside(stack, outliers.watch())
    devices = DeviceRegister(database, notices)
    stack.push_async_callback(devices.close)
    decoders, codec, budget = open_readers(settings, stack)
    sealer = Sealer(key, push=pacs is not None) if settings.report_days else None
    versions, renderer = Versions(), stack.enter_context(Renderer())
    archive = Archive(versions, sealer, settings.report_days)
    pushed = PushMetrics(registry)
    if pacs is not None:
        push_reports(Pusher(engine, archive, renderer, pacs, pushed), stack)
    limits = Limits(body_bytes=settings.max_body_bytes, pixels=settings.max_pixels)
    if settings.export_measurements:
        export_measurements(registry, engine, settings.export_series, stack)
    inbox = Inbox(settings.inbox_folder, most_bytes=settings.inbox_bytes)
    stack.callback(inbox.close)
    journal = Journal(database, inbox)
    stack.push_async_callback(journal.close)
    service = Service(
        settings=settings,
        registry=registry,
        ledger=ledger,
        admission=open_admission(settings, budget, stack),
        callers=callers,
        pace=Pace(settings.caller_requests_per_s, settings.caller_requests_at_once),
        audit=audit,
        database=database,
        pages=pages,
        fleet=fleet,
        last_known=last_known,
        refusals=refusals,
        gateway=Gateway(
            fleet,
            capture,
            ledger,
            decoders,
            limits,
            budget,
            codec,
            notices,
            devices,
            Duplicates(),
            polarity,
            outliers,
            vocabulary,
            key,
            sealer,
            open_onlookers(settings, database, engine, registry, stack),
        ),
        versions=versions,
        reports=Reports(database, archive, renderer),
        inbox=inbox,
        inbox_metrics=InboxMetrics(registry, inbox, lambda: datetime.now(UTC)),
        queue=Queue(),
        journal=journal,
        key=key,
    )
    attendants = Attendants(service)
    stack.push_async_callback(attendants.close)
    return service


def open_last_known(settings: Settings, key: bytes, registry: CollectorRegistry, stack: AsyncExitStack) -> LastKnown:
    """What Postgres said last, kept beside it for the next start."""
    hours, url = settings.last_known_hours, settings.database_url or ""
    last_known = LastKnown(settings.data_dir, key, url, hours=hours, registry=registry)
    run_beside(stack, last_known.watch())
    return last_known


def open_admission(settings: Settings, budget: PixelBudget, stack: AsyncExitStack) -> Admission:
    """Who comes in; what came and went leaves its memory to the system."""
    waiting, body, room = settings.max_waiting, settings.max_body_bytes, settings.body_memory_bytes
    admission = Admission(waiting=waiting, body_bytes=body, room_bytes=room, beside=lambda: budget.used_bytes)
    run_beside(stack, fill_holes(lambda: admission.bytes_ever))
    return admission


def open_readers(settings: Settings, stack: AsyncExitStack) -> tuple[Decoders, Codec, PixelBudget]:
    """Who reads films. One processor stays free for all else; films that are decompressed elsewhere meanwhile have threads beside these."""
    codecs = stack.enter_context(CodecPool(settings.codec_processes, seconds=settings.codec_seconds))
    processors = min(os.cpu_count() or 1, MOST_DECODERS)
    decoders = stack.enter_context(Decoders(processors + settings.codec_processes, at_once=max(1, processors - 1)))
    return decoders, decoders.outside(codecs), PixelBudget(settings.pixel_memory_bytes, aside=decoders.aside)


def open_callers(settings: Settings, key: bytes, database: Database, last_known: LastKnown, stack: AsyncExitStack) -> Callers:
    """Who may call, kept in step with the list of keys, and with the issuer's where one is set."""
    issuer = open_issuer(settings, key)
    if issuer is not None:
        run_beside(stack, issuer.watch())
    callers = Callers(database, settings.anonymous_roles, last_known, issuer)
    run_beside(stack, callers.watch())
    return callers


def open_database(engine: Engine, links: int, stack: AsyncExitStack) -> Database:
    """A few links to Postgres, until the stack ends."""
    database = Database(engine, links)
    stack.push_async_callback(database.close)
    return database


def open_issuer(settings: Settings, key: bytes) -> Issuer | None:
    """Whose tokens are accepted besides keys; None where nobody's.

    Raises:
        SetupError: Only a part of what is needed is set.
    """
    if settings.oidc_issuer is None and settings.oidc_audience is None and settings.oidc_client_id is None:
        return None
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        raise SetupError("Tokens, and log-in at the issuer, need both STEPWEDGE_OIDC_ISSUER and STEPWEDGE_OIDC_AUDIENCE.")
    claim, prefix = settings.oidc_roles_claim, settings.oidc_role_prefix
    return Issuer(settings.oidc_issuer, settings.oidc_audience, claim=claim, prefix=prefix, secret=key)


def start_predictor(settings: Settings, ledger: Ledger, notices: Notices, version: ModelVersion) -> Predictor:
    """Fetch and load a version, and start the thread that answers for it."""
    model = swift(open_model(settings.object_folder, version))
    predictor = Predictor(model, batch_size=settings.batch_size, threads=settings.torch_threads, on_batch=ledger.observe_batch)
    predictor.start()
    ledger.introduce(version.model)
    notices.introduce(version.model)
    return predictor


def export_measurements(registry: CollectorRegistry, engine: Engine, most_series: int, stack: AsyncExitStack) -> None:
    """Let this process show the last runs too; a thread of its own reads them, so no scrape waits for Postgres."""
    collector = MeasurementCollector(engine, lambda: datetime.now(UTC), most_series)
    registry.register(collector)
    stop = Event()
    stack.callback(stop.set)
    Thread(target=collector.refresh_until, args=(stop, REFRESH_S), name="measurements", daemon=True).start()


def push_reports(pusher: Pusher, stack: AsyncExitStack) -> None:
    """Push in a thread of its own: nobody waits for the PACS."""
    stop = Event()
    thread = Thread(target=pusher.push_until, args=(stop,), name="reports", daemon=True)
    thread.start()

    async def end() -> None:
        stop.set()
        await asyncio.to_thread(thread.join, TIMEOUT_S)

    stack.push_async_callback(end)


def run_beside(stack: AsyncExitStack, work: Coroutine[None, None, None]) -> None:
    """Run a coroutine until the stack unwinds."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
