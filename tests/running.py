"""A gateway in a process of its own, as in production, for tests that go from end to end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.callers import issue_test_key
from tests.ports import free_port

KEY = "a key for tests only, of forty characters"
ALIVE_WITHIN_S = 60.0


@contextmanager
def running_gateway(database_url: str, data_dir: Path, **settings: str) -> Iterator[str]:
    """The address of a gateway that accepts replayed clocks; it is alive, and ready once a model is registered."""
    issue_test_key(database_url)
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "STEPWEDGE_DATA_DIR": str(data_dir),
        "STEPWEDGE_PORT": str(port),
        "STEPWEDGE_REPLAY_CLOCK": "true",
        "STEPWEDGE_PSEUDONYM_KEY": KEY,
        "STEPWEDGE_ANONYMOUS_MAY": "predict,label,read",
        "OMP_NUM_THREADS": "1",
        **settings,
    }
    log = data_dir / "gateway.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "service", "gateway"], env=environment, stdout=output, stderr=output)
    try:
        _until_alive(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _until_alive(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + ALIVE_WITHIN_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(f"{address}/livez", timeout=5).raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        else:
            return
