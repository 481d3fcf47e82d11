"""The spool: durable before the answer, the first answer again, bounded, and closed to others."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.domain import Durability, Recorded
from service.errors import ConflictError, SpoolError
from service.gateway.entry import write_entry
from service.gateway.segment import framed
from service.gateway.shelf import Shelf
from service.gateway.spool import Spool
from tests.gateway.spools import PATIENCE, make_refusal, spooled, with_spool
from tests.store.builders import digest, make_prediction


def test_only_its_owner_may_look_into_a_spool(tmp_path: Path) -> None:
    spooled(tmp_path / "spool", make_prediction())
    modes = {path.relative_to(tmp_path).name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert all(mode == (0o600 if name.endswith((".seg", "lock")) else 0o700) for name, mode in modes.items())


def test_those_who_wait_together_share_an_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fdatasync

    def counted(descriptor: int) -> None:
        synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)

    async def story(spool: Spool) -> None:
        await asyncio.gather(*(spool.keep(make_prediction(f"film {number}"), PATIENCE) for number in range(300)))

    with_spool(tmp_path, story)
    assert 1 <= len(synced) < 100


def test_the_same_film_again_gets_its_first_answer_and_other_pixels_a_conflict(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        first, *twins = await asyncio.gather(*(spool.keep(make_prediction("film"), PATIENCE) for _ in range(5)))
        assert not first.replayed
        assert {(twin.prediction.id, twin.replayed, twin.where) for twin in twins} == {(first.prediction.id, True, Durability.SPOOL)}
        found = await spool.find(make_prediction("film", key=digest("an order")))
        assert found is not None
        assert found.prediction.id == first.prediction.id
        with pytest.raises(ConflictError):
            await spool.keep(make_prediction("film", pixels="other"), PATIENCE)
        with pytest.raises(ConflictError):
            await spool.find(make_prediction("film", pixels="other"))
        assert await spool.find(make_prediction("another")) is None
        recalled = await spool.recall(first.prediction.id)
        assert recalled is not None
        assert recalled.id == first.prediction.id

    with_spool(tmp_path, story)


def test_a_restart_knows_what_was_spooled(tmp_path: Path) -> None:
    first = make_prediction("film")
    spooled(tmp_path, first)

    async def story(spool: Spool) -> UUID:
        assert (spool.records_held, spool.bytes_held > 0) == (1, True)
        return (await spool.keep(make_prediction("film"), PATIENCE)).prediction.id

    assert with_spool(tmp_path, story) == first.id


def test_a_full_spool_says_no_and_refusals_leave_room_for_answers(tmp_path: Path) -> None:
    size = len(framed(write_entry(make_prediction("film 0"))))

    async def story(spool: Spool) -> None:
        flood = [make_refusal() for _ in range(200)]
        with pytest.raises(SpoolError):
            await spool.add(flood, PATIENCE)
        assert spool.bytes_held <= spool.limit / 2
        for number in range(3):
            await spool.keep(make_prediction(f"film {number}"), PATIENCE)
        more = (spool.keep(make_prediction(f"more {number}"), PATIENCE) for number in range(20))
        answers = await asyncio.gather(*more, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Recorded, SpoolError}
        assert spool.limit - size - 20 < spool.bytes_held <= spool.limit

    with_spool(tmp_path, story, limit=8 * size)


def test_a_disk_that_fails_says_no_until_it_is_back(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        (tmp_path / "spool").write_text("in the way")
        with pytest.raises(SpoolError):
            await spool.keep(make_prediction(), PATIENCE)
        assert not spool.has_room
        (tmp_path / "spool").unlink()
        await spool.keep(make_prediction(), PATIENCE)
        assert spool.has_room

    with_spool(tmp_path / "spool", story)


def test_a_failed_write_is_cut_off_and_the_next_begins_another_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf.own(tmp_path, uuid4())
    shelf.append([b"one"])

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", full)
        with pytest.raises(OSError, match="No space"):
            shelf.append([b"two"])
    shelf.append([b"three"])
    shelf.seal()
    assert [path.read_bytes() for path in shelf.sealed()] == [framed(b"one"), framed(b"three")]
    shelf.close()
