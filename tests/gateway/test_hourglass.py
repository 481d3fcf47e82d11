"""Many waits of one length, one timer: each ends when its own time is up, and no other does."""

from __future__ import annotations

import asyncio

from service.gateway.hourglass import Hourglass


def lost_of(story) -> list[str]:
    """Whoever was lost, in order, after a story told to an hourglass of a twentieth of a second."""
    lost: list[str] = []

    async def tell() -> None:
        await story(Hourglass(0.05, lost.append))

    asyncio.run(tell())
    return lost


def test_who_waits_too_long_is_lost_and_who_came_in_time_is_not() -> None:
    async def story(glass: Hourglass[str]) -> None:
        glass.start("late")
        glass.start("in time")
        glass.stop("in time")
        await asyncio.sleep(0.1)

    assert lost_of(story) == ["late"]


def test_who_begins_later_is_lost_later() -> None:
    async def story(glass: Hourglass[str]) -> None:
        glass.start("first")
        await asyncio.sleep(0.03)
        glass.start("second")
        await asyncio.sleep(0.03)
        glass.stop("second")
        await asyncio.sleep(0.05)

    assert lost_of(story) == ["first"]


def test_who_begins_anew_waits_as_long_again() -> None:
    async def story(glass: Hourglass[str]) -> None:
        for _ in range(4):
            glass.start("renewed")
            await asyncio.sleep(0.02)
        glass.stop("renewed")

    assert lost_of(story) == []


def test_it_runs_again_after_all_were_lost() -> None:
    async def story(glass: Hourglass[str]) -> None:
        glass.start("one")
        await asyncio.sleep(0.08)
        glass.start("two")
        await asyncio.sleep(0.08)

    assert lost_of(story) == ["one", "two"]
