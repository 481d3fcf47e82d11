"""What Prometheus reads, and what it never may."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from service.config import Settings
from tests.api.serving import DICOM, until
from tests.components import component
from tests.films import make_film, phantom

ASK = "/v1/models/chest/predictions"
ENDS = ("recorded", "replayed", "spooled", "unrecorded", "refused", "failed")


def totals(client: httpx.Client) -> dict[str, float]:
    sums: dict[str, float] = {}
    for family in parse(client.get("/metrics").text):
        for sample in family.samples:
            name = sample.name.removeprefix("stepwedge_requests_").removesuffix("_total")
            sums[name] = sums.get(name, 0.0) + sample.value
    return sums


def books_of(client: httpx.Client) -> dict[str, float]:
    """The ledger now; it balances at every moment."""
    books = totals(client)
    assert books["received"] == sum(books.get(end, 0.0) for end in ENDS) + books["in_progress"]
    return {name: books.get(name, 0.0) for name in ("received", *ENDS, "in_progress")}


def balanced(client: httpx.Client) -> dict[str, float]:
    """The ledger as soon as nothing is in work."""
    until(lambda: books_of(client)["in_progress"] == 0)
    return {name: count for name, count in books_of(client).items() if name != "in_progress"}


def test_every_request_is_received_once_and_ends_once(client: httpx.Client) -> None:
    film = make_film()
    client.post(ASK, content=film, headers=DICOM)
    client.post(ASK, content=film, headers=DICOM)
    client.post(ASK, content=b"garbage", headers=DICOM)
    client.post(ASK, content=film)
    client.post("/v1/models/made-up/predictions", content=film, headers=DICOM)
    client.post(ASK, files=[("file", ("a", make_film(phantom(seed=3)))), ("file", ("b", b"garbage")), ("file", ("c", film))])
    assert balanced(client) == {"received": 8, "recorded": 2, "replayed": 2, "spooled": 0, "unrecorded": 0, "refused": 4, "failed": 0}


def test_a_model_in_service_has_its_series_before_its_first_request(client: httpx.Client) -> None:
    assert 'stepwedge_requests_received_total{model="chest"} 0.0' in client.get("/metrics").text


def test_names_that_callers_make_up_never_become_series(client: httpx.Client) -> None:
    for number in range(5):
        client.post(f"/v1/models/made-up-{number}/predictions", content=b"", headers=DICOM)
        client.get(f"/v1/models/made-up-{number}")
    text = client.get("/metrics").text
    assert "made-up" not in text
    assert 'stepwedge_requests_received_total{model="unknown"} 5.0' in text


def send_half(port: int, length: str) -> None:
    """Start a request and go away in the middle of its body."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"POST {ASK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/dicom\r\n{length}\r\n\r\n"
        connection.sendall(head.encode() + make_film()[:500])


def test_clients_that_go_away_half_way_are_counted_as_failed(client: httpx.Client, settings: Settings) -> None:
    for _ in range(3):
        send_half(settings.port, "Content-Length: 100000")
        send_half(settings.port, "Transfer-Encoding: chunked\r\n\r\n1f4")
    until(lambda: totals(client).get("failed") == 6)
    assert balanced(client)["received"] == 6
    assert 'reason="client-disconnected"' in client.get("/metrics").text


def test_clients_that_do_not_wait_for_the_answer_are_counted_too(client: httpx.Client, settings: Settings) -> None:
    films = [make_film(phantom(seed=seed)) for seed in range(5)]
    for film in films:
        with socket.create_connection(("127.0.0.1", settings.port)) as connection:
            head = f"POST {ASK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/dicom\r\nContent-Length: {len(film)}\r\n\r\n"
            connection.sendall(head.encode() + film)
    until(lambda: totals(client).get("received") == 5)
    books = balanced(client)
    assert books["recorded"] + books["failed"] == 5
    assert all(client.post(ASK, content=film, headers=DICOM).status_code == 200 for film in films)
    assert balanced(client)["recorded"] == 5, "whoever comes back finds one row"


def test_the_books_balance_at_every_moment_of_a_busy_minute(client: httpx.Client) -> None:
    async def ask(many: httpx.AsyncClient, number: int) -> int:
        body = make_film(phantom(seed=number % 7), SOPInstanceUID=f"1.2.{number % 7}") if number % 3 else b"garbage"
        return (await many.post(ASK, content=body, headers=DICOM)).status_code

    async def story() -> list[int]:
        async with httpx.AsyncClient(base_url=client.base_url, timeout=60, trust_env=False) as many:
            asking = [asyncio.create_task(ask(many, number)) for number in range(60)]
            while not all(task.done() for task in asking):
                await asyncio.to_thread(books_of, client)
            return [task.result() for task in asking]

    statuses = asyncio.run(story())
    assert balanced(client) == {
        "received": 60,
        "recorded": 7,
        "replayed": statuses.count(200) - 7,
        "refused": statuses.count(400),
        "failed": 0,
        "spooled": 0,
        "unrecorded": 0,
    }


def check(parser: Callable[[str], object], text: str) -> None:
    assert list(parser(text))  # type: ignore[call-overload] # an iterator


def test_both_forms_of_the_exposition_are_given_as_asked(shared: httpx.Client) -> None:
    shared.post(ASK, content=make_film(), headers=DICOM)
    plain = shared.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    check(parse, plain.text)
    modern = shared.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert modern.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert modern.text.endswith("# EOF\n")
    check(parse_openmetrics, modern.text)


def test_promtool_finds_nothing_to_complain_about(shared: httpx.Client) -> None:
    shared.post(ASK, content=make_film(), headers=DICOM)
    shared.post(ASK, content=b"garbage", headers=DICOM)
    shared.post("/v1/models/made-up/predictions", content=b"", headers=DICOM)
    said = subprocess.run(
        [component("promtool"), "check", "metrics"], input=shared.get("/metrics").text, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_stages_and_batches_are_timed(client: httpx.Client) -> None:
    client.post(ASK, content=make_film(), headers=DICOM)
    text = client.get("/metrics").text
    for stage in ("decode", "deidentify", "preprocess", "predict", "record"):
        assert f'stepwedge_stage_duration_seconds_count{{stage="{stage}"}} 1.0' in text
    assert "stepwedge_batch_size_count 1.0" in text
