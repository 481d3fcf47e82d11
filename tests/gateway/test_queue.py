"""Who is next: the urgent before what came shortly before it, and the old before everything."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from service.gateway.job import Job, Priority, new_id
from service.gateway.queue import Queue, Waiting

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def waiting(name: str, minutes: float, priority: Priority = Priority.ROUTINE) -> Waiting:
    at = NINE + timedelta(minutes=minutes)
    return Waiting(Job(new_id(), new_id(), 1, new_id(), "chest", name, "pacs", at, at, 4096, priority), None)


async def order(queue: Queue) -> list[str]:
    return [(await queue.take()).job.site for _ in range(len(queue))]


def test_stat_goes_first_and_routine_grows_old_until_it_does() -> None:
    async def check() -> list[str]:
        queue = Queue()
        for name, minutes, priority in (
            ("waiting for long", 0, Priority.ROUTINE),
            ("routine", 12, Priority.ROUTINE),
            ("later", 13, Priority.ROUTINE),
            ("stat", 14, Priority.STAT),
            ("stat too", 15, Priority.STAT),
        ):
            queue.put(waiting(name, minutes, priority))
        return await order(queue)

    assert asyncio.run(check()) == ["waiting for long", "stat", "stat too", "routine", "later"]


def test_a_pause_is_sat_out_and_keeps_nobody_else_waiting() -> None:
    async def check() -> list[str]:
        queue = Queue()
        queue.put(waiting("paused", 0), pause=timedelta(seconds=0.05))
        queue.put(waiting("ready", 5))
        return await order(queue)

    assert asyncio.run(check()) == ["ready", "paused"]


def test_whoever_waits_for_work_is_woken_by_it() -> None:
    async def check() -> str:
        queue = Queue()
        taking = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        queue.put(waiting("late", 0))
        return (await taking).job.site

    assert asyncio.run(check()) == "late"
