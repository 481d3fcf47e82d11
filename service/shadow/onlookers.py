"""Onlookers: who sees a film once it was answered, and how they end with the gateway."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from service.config import Settings
from service.gateway.database import Database
from service.gateway.shown import Onlooker, Shown
from service.shadow.challenger import Bounds, Stage
from service.shadow.keeper import Keeper
from service.shadow.metrics import ShadowMetrics
from service.shadow.shadows import Shadows


def open_onlookers(settings: Settings, database: Database, engine: Engine, registry: CollectorRegistry, stack: AsyncExitStack) -> Onlooker:
    """Challengers of the models in service, and the keeper where a site asks for it; the stack has how they end."""
    bounds = Bounds(settings.shadow_queue_bytes, settings.shadow_memory_bytes, settings.shadow_seconds)
    metrics = ShadowMetrics(registry)
    shadows = Shadows(database, Stage(engine, settings.object_folder, metrics, bounds), settings.shadow_challengers)
    watch = asyncio.create_task(shadows.watch(), name="shadows")

    async def end() -> None:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await shadows.close()

    stack.push_async_callback(end)
    if not settings.keep_instances:
        return shadows.see
    keeper = Keeper(engine, settings.object_folder, metrics, settings.shadow_queue_bytes)
    stack.push_async_callback(lambda: asyncio.to_thread(keeper.close))

    def see(film: Shown) -> None:
        shadows.see(film)
        keeper.see(film)

    return see
