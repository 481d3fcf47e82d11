"""A film on which a codec dies or hangs is refused; its gateway, and the films beside it, go on."""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pydicom.uid import JPEG2000Lossless
from sqlalchemy import Engine

from service.config import Settings
from tests.api.serving import DICOM, process, register, until_loaded
from tests.films import make_film
from tests.processes import children

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the codec's process in /proc")

ASK = "/v1/models/chest/predictions"


def codecs(gateway: int) -> list[int]:
    """The codec processes of a gateway."""
    return [pid for pid, call in children(gateway).items() if "codec_process" in call]


def ask(client: httpx.Client, film: bytes) -> httpx.Response:
    return client.post(ASK, content=film, headers=DICOM)


def test_a_codec_that_hangs_costs_its_own_film_an_answer_and_nobody_else(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "package")
    with process(settings, tmp_path / "log") as (pid, client), ThreadPoolExecutor(1) as threads:
        until_loaded(client)
        assert ask(client, make_film(syntax=JPEG2000Lossless)).status_code == 200
        (codec,) = codecs(pid)
        os.kill(codec, signal.SIGSTOP)
        began = time.monotonic()
        hanging = threads.submit(ask, client, make_film(syntax=JPEG2000Lossless))
        time.sleep(0.3)
        assert ask(client, make_film()).status_code == 200
        assert ask(client, make_film(syntax=JPEG2000Lossless)).status_code == 200
        assert time.monotonic() - began < 8, "others do not wait for it"
        reply = hanging.result(30)
        assert (reply.status_code, reply.json()["type"]) == (400, "/problems/undecodable")
        assert codec not in codecs(pid)
        assert ask(client, make_film(syntax=JPEG2000Lossless)).status_code == 200
    assert codecs(pid) == []
    assert "unexpected_error" not in (tmp_path / "log").read_text()
