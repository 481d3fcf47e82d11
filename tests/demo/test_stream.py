from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import UUID

import httpx
import pytest

from service.demo.population import studies_of
from service.demo.reports import due, send_reports
from service.demo.stream import Stream
from service.errors import SetupError
from tests.demo.builders import make_scenario, make_study

ANSWER = UUID("019cabe6-6400-7000-8000-000000000000")


@contextmanager
def gateway(statuses: Sequence[int]) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server that answers with these statuses, the last one for ever; and what it was sent."""
    seen: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            seen.append(
                ({name.lower(): value for name, value in self.headers.items()}, self.rfile.read(int(self.headers["Content-Length"])))
            )
            body = json.dumps({"id": str(ANSWER)}).encode()
            self.send_response(statuses[min(len(seen), len(statuses)) - 1])
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_film_travels_with_its_site_and_its_clock() -> None:
    with gateway([200]) as (address, seen), Stream(address, "chest", {"Authorization": "Bearer key"}) as stream:
        assert [answer.result() for answer in stream.send([make_study(site="south")])] == [ANSWER]
    headers, body = seen[0]
    assert headers["authorization"] == "Bearer key"
    assert headers["stepwedge-site"] == "south"
    assert headers["stepwedge-received-at"] == make_study().received_at.isoformat()
    assert body[128:132] == b"DICM"


def test_a_gateway_that_asks_for_time_gets_it() -> None:
    with gateway([404, 429, 503, 200]) as (address, seen), Stream(address, "chest", {"Authorization": "Bearer key"}) as stream:
        assert stream.send([make_study()])[0].result() == ANSWER
    assert len(seen) == 4
    assert len({body for _, body in seen}) == 1


def test_a_refused_film_ends_the_demo_with_a_reason() -> None:
    with gateway([403]) as (address, seen), Stream(address, "chest", {"Authorization": "Bearer key"}) as stream:
        with pytest.raises(SetupError, match="STEPWEDGE_REPLAY_CLOCK"):
            stream.send([make_study()])[0].result()
        assert len(seen) == 1


def test_every_report_is_due_on_one_day() -> None:
    scenario = make_scenario(studies_a_day=8.0)
    told = [study.number for day in range(scenario.days) for study in due(scenario, day)]
    studies = [study for day in range(scenario.days) for study in studies_of(scenario, day)]
    expected = {study.number for study in studies if study.reported_on is not None and study.reported_on < scenario.days}
    assert len(told) == len(set(told))
    assert set(told) == expected


def test_reports_are_lines_about_instances() -> None:
    scenario = make_scenario()
    with gateway([200]) as (address, seen), httpx.Client(base_url=address) as client:
        assert send_reports(client, "chest", scenario, 3) == len(due(scenario, 3))
    lines = [json.loads(line) for line in seen[0][1].splitlines()]
    assert len(lines) == 2 * len(due(scenario, 3))
    assert {line["finding"] for line in lines} == {"opacity", "cardiomegaly"}
    assert all(line["instance"].startswith("2.25.") for line in lines)


def test_reports_that_are_only_partly_taken_end_the_demo() -> None:
    with gateway([207]) as (address, _), httpx.Client(base_url=address) as client, pytest.raises(SetupError, match="207"):
        send_reports(client, "chest", make_scenario(), 3)
