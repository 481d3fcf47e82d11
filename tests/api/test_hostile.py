"""Bodies that mean harm cost a refusal and no memory."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from select import select

import httpx
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless
from sqlalchemy import Engine

from service.cli.serving import HEADER_BYTES
from service.config import Settings
from tests.api.serving import DICOM, process, register, until_loaded
from tests.films import make_film
from tests.gateway.hostile import deflate_bomb, encapsulated, film_of, native, nested_sequences, part10, rle_bomb
from tests.processes import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")

ASK = "/v1/models/chest/predictions"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
LIMIT = 8 * 2**20
MIB = 2**20


def bodies() -> list[bytes]:
    film = make_film()
    return [
        b"",
        b"\0" * 1000,
        b"DICM" * 1000,
        film[:200],
        film[: len(film) // 2],
        film[:-1],
        film_of(rows=65_535, columns=65_535, pixels=native(b"\0" * 128)),
        film_of(frames=1_000_000, pixels=native(b"\0" * 128)),
        film_of(pixels=native(b"\0" * 128, length=0xFFFFFFF0)),
        film_of(rows=60_000, columns=1_000, pixels=encapsulated(rle_bomb(60_000, 1_000, 100)), syntax=RLELossless),
        part10(nested_sequences(5_000)),
        part10(deflate_bomb(64 * MIB), DeflatedExplicitVRLittleEndian),
    ]


def endless(size: int) -> Iterator[bytes]:
    """A chunked body that never says how long it is."""
    for _ in range(size // 65_536):
        yield b"\0" * 65_536


def attack(client: httpx.Client) -> None:
    for body in bodies():
        reply = client.post(ASK, content=body, headers=DICOM)
        assert 400 <= reply.status_code < 500, (reply.text, len(body))
        form = b"--x\r\n\r\n" + body + b"\r\n--x--\r\n"
        assert 400 <= client.post(ASK, content=form, headers=FORM).status_code < 500
    for headers in (DICOM, FORM):
        try:
            assert client.post(ASK, content=endless(4 * LIMIT), headers=headers).status_code in {400, 413}
        except httpx.TransportError:
            continue  # the gateway hung up on it, which is an answer too
    assert client.post(ASK, content=make_film(), headers=DICOM).status_code == 200


def test_memory_stays_flat_over_hostile_bodies(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    narrow = settings.model_copy(update={"max_body_bytes": LIMIT})
    register(engine, narrow, tmp_path / "package")
    with process(narrow, tmp_path / "log") as (pid, client):
        until_loaded(client)
        attack(client)
        once, peak = memory(pid, "VmRSS"), memory(pid, "VmHWM")
        for _ in range(3):
            attack(client)
        assert memory(pid, "VmRSS") - once < 24 * MIB
        assert memory(pid, "VmHWM") - peak < 48 * MIB, "no body is ever unpacked to what it declares"
    assert "unexpected_error" not in (tmp_path / "log").read_text()


def test_headers_without_end_are_cut_off(shared: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", shared.base_url.port), timeout=60) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Endless: ")
        sent = 0
        with suppress(OSError):  # it may hang up while we are still sending
            while sent < 100 * HEADER_BYTES and not select([connection], [], [], 0)[0]:
                connection.sendall(b"a" * 4096)
                sent += 4096
    assert sent < 100 * HEADER_BYTES
    assert shared.get("/livez").status_code == 200


def test_ordinary_headers_on_one_connection_add_up_to_nothing(shared: httpx.Client) -> None:
    for _ in range(40):
        assert shared.get("/livez", headers={"X-Filler": 4000 * "a"}).status_code == 200


def test_a_large_body_is_not_taken_for_headers(shared: httpx.Client) -> None:
    assert shared.post(ASK, content=(4 * HEADER_BYTES) * b"x", headers=DICOM).status_code == 400
