"""A codec that dies, hangs or eats memory costs one film its answer and nobody else anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from service.errors import UnavailableError, UndecodableError
from service.gateway import isolation
from service.gateway.isolation import CodecPool
from service.gateway.limits import Limits
from tests.films import make_film, phantom
from tests.gateway.corpus import shipped
from tests.gateway.decoding import decode
from tests.gateway.hostile import rle_bomb

FILM = make_film(syntax=JPEG2000Lossless)

CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")
pytestmark = pytest.mark.skipif(not CHILDREN.exists(), reason="children are found in /proc, which this system does not show")


@pytest.fixture
def pool() -> Iterator[CodecPool]:
    with CodecPool(seconds=1) as pool:
        yield pool


def children() -> set[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that ended just now
            found |= {int(child) for child in (task / "children").read_text().split()}
    return found


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
    script = "import signal\nfrom service.gateway.codec_process import allow\nallow(1)\nsignal.alarm(0)\nwhile True: pass\n"
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


def test_a_film_that_meets_a_process_dying_of_earlier_ones_is_answered_by_a_new_one(pool: CodecPool) -> None:
    pid = codec_process(pool)
    os.kill(pid, signal.SIGSTOP)  # the frame is on its way to it when it ends
    with ThreadPoolExecutor(1) as threads:
        film = threads.submit(decode, FILM, Limits(), pool)
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        assert film.result(60).pixel_sha256 == decode(FILM, Limits()).pixel_sha256
    assert pid not in children()


def test_a_process_is_replaced_before_it_grows_old(pool: CodecPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "FRAMES", 3)
    pid = codec_process(pool)
    for _ in range(2):
        decode(FILM, Limits(), pool)
        assert pid in children()
    decode(FILM, Limits(), pool)
    assert pid not in children()


GATEWAY = """
import sys, time
from service.gateway.isolation import CodecPool
from service.gateway.limits import Limits
from tests.gateway.decoding import decode
from tests.gateway.test_isolation import FILM, children
pool = CodecPool()
decode(FILM, Limits(), pool)
print(*children(), flush=True)
time.sleep(60)
"""


def test_a_codec_ends_with_a_gateway_that_was_killed() -> None:
    gateway = subprocess.Popen([sys.executable, "-c", GATEWAY], stdout=subprocess.PIPE)
    assert gateway.stdout is not None
    codec = Path(f"/proc/{int(gateway.stdout.readline())}")
    gateway.kill()
    gateway.wait()
    gateway.stdout.close()
    deadline = time.monotonic() + 60
    while codec.exists() and "\nState:\tZ" not in (codec / "status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_codec_that_waits_for_ever_is_ended_by_its_own_alarm() -> None:
    script = "import time\nfrom service.gateway.codec_process import allow\nallow(1)\ntime.sleep(60)\n"
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == -signal.SIGALRM


def test_closing_ends_every_process() -> None:
    with CodecPool() as pool:
        pid = codec_process(pool)
    assert pid not in children()


def test_the_codec_sees_no_secret_of_the_gateway(pool: CodecPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWEDGE_PSEUDONYM_KEY", "s" * 40)
    assert b"STEPWEDGE" not in Path(f"/proc/{codec_process(pool)}/environ").read_bytes()


def test_where_no_process_can_start_the_film_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/does/not/exist")
    with CodecPool() as pool, pytest.raises(UnavailableError):
        decode(FILM, Limits(), pool)
