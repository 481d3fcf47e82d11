"""A codec that dies, hangs or eats memory costs one film its answer and nobody else anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from service.errors import UndecodableError
from service.gateway.decode import decode
from service.gateway.isolation import CodecPool
from service.gateway.limits import Limits
from tests.films import make_film, phantom
from tests.gateway.corpus import shipped
from tests.gateway.hostile import rle_bomb

FILM = make_film(syntax=JPEG2000Lossless)

CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")
pytestmark = pytest.mark.skipif(not CHILDREN.exists(), reason="children are found in /proc, which this system does not show")


@pytest.fixture
def pool() -> Iterator[CodecPool]:
    with CodecPool(seconds=1) as pool:
        yield pool


def children() -> set[int]:
    tasks = Path("/proc/self/task")
    return {int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()}


def codec_process(pool: CodecPool) -> int:
    """The process that a first film started."""
    before = children()
    decode(FILM, Limits(), pool)
    (pid,) = children() - before
    return pid


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_a_film_is_the_same_through_the_pool(pool: CodecPool, syntax: str) -> None:
    film = make_film(syntax=syntax)
    np.testing.assert_array_equal(decode(film, Limits(), pool).pixels, phantom())


def test_jpeg_is_the_same_through_the_pool(pool: CodecPool) -> None:
    for name in ("JPEG-LL.dcm", "JPGExtended.dcm"):
        body = shipped(name).read_bytes()
        assert decode(body, Limits(), pool).pixel_sha256 == decode(body, Limits()).pixel_sha256


def test_nothing_is_started_for_films_that_need_no_codec(pool: CodecPool) -> None:
    before = children()
    decode(make_film(), Limits(), pool)
    assert children() == before


def test_a_codec_that_crashed_is_replaced(pool: CodecPool) -> None:
    pid = codec_process(pool)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert decode(FILM, Limits(), pool).pixel_sha256 == decode(FILM, Limits()).pixel_sha256
    assert pid not in children()


def test_a_codec_that_hangs_is_ended_and_its_film_refused(pool: CodecPool) -> None:
    pid = codec_process(pool)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(UndecodableError):
        decode(FILM, Limits(), pool)
    assert pid not in children()
    assert decode(FILM, Limits(), pool).pixels.shape == phantom().shape


def test_a_codec_may_use_its_processor_time_and_no_more() -> None:
    script = "from service.gateway.codec_process import allow\nallow(1)\nwhile True: pass\n"
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == -signal.SIGXCPU


def test_a_codec_without_memory_refuses_the_film_and_answers_the_next() -> None:
    with CodecPool(memory_bytes=200 << 20) as pool:
        decode(FILM, Limits(), pool)
        with pytest.raises(UndecodableError):
            decode(make_film(np.zeros((4000, 4000), np.uint16), syntax=JPEG2000Lossless), Limits(), pool)
        assert decode(FILM, Limits(), pool).pixels.shape == phantom().shape


def test_a_frame_on_which_the_codec_panics_is_refused_and_the_process_stays(pool: CodecPool) -> None:
    pid = codec_process(pool)
    with pytest.raises(UndecodableError):
        decode(rle_bomb(64, 64, runs=10_000), Limits(), pool)
    assert pid in children()


def test_many_threads_share_the_pool() -> None:
    with CodecPool(processes=2) as pool, ThreadPoolExecutor(6) as threads:
        digests = {image.pixel_sha256 for image in threads.map(lambda _: decode(FILM, Limits(), pool), range(24))}
    assert digests == {decode(FILM, Limits()).pixel_sha256}


def test_closing_ends_every_process() -> None:
    with CodecPool() as pool:
        pid = codec_process(pool)
    assert pid not in children()


def test_the_codec_sees_no_secret_of_the_gateway(pool: CodecPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWEDGE_PSEUDONYM_KEY", "s" * 40)
    assert b"STEPWEDGE" not in Path(f"/proc/{codec_process(pool)}/environ").read_bytes()
