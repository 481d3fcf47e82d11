"""What the gateway weighs: `python -m tests.benchmarks.memory [--requests N] [--rounds N]`.

A gateway with the demo model answers N small films (every one new and durable) on 8 connections, then the whole hostile corpus and the
files that pydicom ships, again and again, then one film of 4096 x 4096 pixels. Bounds: resident memory stays below 450 MB, at the
highest point too (VmHWM), and after the first tenth of the requests, and after the first round of the corpus, within 5 %. Codec processes
are counted apart. The last line is one JSON object; `ok` says that the bounds held.
The full run is --requests 100000 --rounds 10.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import local
from time import monotonic

from service.demo.package import PACKAGE
from service.models.registry import register_package
from service.store.engine import open_engine
from tests import postgres
from tests.api.serving import DICOM, make_settings, process, until
from tests.callers import AUTHORIZED
from tests.films import make_film, phantom
from tests.gateway.corpus import shipped_files
from tests.gateway.hostile_corpus import CORPUS
from tests.processes import children, memory

MODEL = "chest-demo"
MARKER = b"987654321987654"
CONNECTIONS, TENTHS = 8, 10
LARGE = 4096
MOST_BYTES, MOST_GROWTH, MOST_SECONDS = 450 * 10**6, 1.05, 10.0
BY_DESIGN = {429, 503}


class Sender:
    """Posts bodies on a connection of each thread's own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._mine = local()
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0

    def __call__(self, body: bytes) -> None:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        began = monotonic()
        self._mine.connection.request("POST", f"/v1/models/{MODEL}/predictions", body, {**DICOM, **AUTHORIZED})
        reply = self._mine.connection.getresponse()
        reply.read()
        self.slowest = max(self.slowest, monotonic() - began)
        self.statuses[reply.status] += 1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=4, help="of the hostile corpus")
    parser.add_argument("--size", type=int, default=64, help="rows and columns of the film")
    arguments = parser.parse_args()
    with gateway() as (pid, port), ThreadPoolExecutor(CONNECTIONS) as threads:
        films = Sender(port)
        steady = [answered(films, threads, pid, share) for share in shares(arguments.requests, arguments.size)]
        hostile, large = Sender(port), Sender(port)
        bodies = [*(make() for make in CORPUS.values()), *(path.read_bytes() for path in shipped_files())]
        attacked = [answered(hostile, threads, pid, bodies) for _ in range(arguments.rounds)]
        before_large = memory(pid, "VmHWM")
        answered(large, threads, pid, [make_film(phantom(LARGE, LARGE), SOPInstanceUID="1.2.1", StudyInstanceUID="1.3.1")])
        codecs = sum(memory(child) for child, call in children(pid).items() if "codec_process" in call)
        peak = memory(pid, "VmHWM")
    unexpected = sum(n for status, n in (films.statuses + hostile.statuses).items() if status >= 500 and status not in BY_DESIGN)
    figures = {
        "requests": sum(films.statuses.values()),
        "answered": films.statuses[200],
        "hostile_bodies": len(bodies),
        "rounds": arguments.rounds,
        "gateway_bytes": max(steady),
        "growth_over_requests": round(max(steady[1:]) / steady[0], 4),
        "gateway_bytes_under_attack": max(attacked),
        "growth_over_rounds": round(max(attacked[1:]) / attacked[0], 4),
        "peak_bytes": peak,
        "peak_bytes_before_the_large_film": before_large,
        "codec_processes_bytes": codecs,
        "slowest_hostile_seconds": round(hostile.slowest, 2),
        "unexpected_5xx": unexpected,
    }
    small = max(steady + attacked) < MOST_BYTES and peak < MOST_BYTES
    flat = max(max(steady[1:]) / steady[0], max(attacked[1:]) / attacked[0]) <= MOST_GROWTH
    sound = unexpected == 0 and films.statuses[200] == arguments.requests and large.statuses[200] == 1 and hostile.slowest < MOST_SECONDS
    print(json.dumps({"benchmark": "memory", **figures, "ok": small and flat and sound}))


def shares(requests: int, size: int) -> Iterator[list[bytes]]:
    """The films in tenths, each of a study of its own, as in a hospital."""
    named = {"SOPInstanceUID": f"1.2.{MARKER.decode()}", "StudyInstanceUID": f"1.3.{MARKER.decode()}"}
    film, numbers = make_film(phantom(size, size), **named), count(10 ** (len(MARKER) - 1))
    for tenth in range(TENTHS):
        many = requests * (tenth + 1) // TENTHS - requests * tenth // TENTHS
        yield [film.replace(MARKER, str(next(numbers)).encode()) for _ in range(many)]


def answered(sender: Sender, threads: ThreadPoolExecutor, pid: int, bodies: list[bytes]) -> int:
    """Bytes that the gateway holds after these bodies."""
    list(threads.map(sender, bodies))
    held = memory(pid)
    print({"bodies": len(bodies), "held": held, "statuses": dict(sender.statuses)}, file=sys.stderr)
    return held


@contextmanager
def gateway() -> Iterator[tuple[int, int]]:
    """Process and port of a gateway that serves the demo model."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(postgres.server())
        url = stack.enter_context(postgres.database(server, stack.enter_context(postgres.migrated_template(server))))
        settings = make_settings(url, folder)
        engine = open_engine(url)
        register_package(engine, settings.object_folder, PACKAGE, at=datetime.now(UTC))
        engine.dispose()
        pid, client = stack.enter_context(process(settings, folder / "log"))
        film = make_film()
        until(lambda: client.post(f"/v1/models/{MODEL}/predictions", content=film, headers=DICOM).status_code == 200, 60)
        yield pid, settings.port


if __name__ == "__main__":
    main()
