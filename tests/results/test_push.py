"""A report is pushed until the PACS has it; what can never be is given up at once, and what others do wrong is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select, text

from service.config import Settings
from service.domain import Prediction
from service.errors import SetupError
from service.gateway.seal import Sealer
from service.gateway.versions import Versions
from service.results.archive import Archive
from service.results.push import LONGEST_RETRY_S, Pusher, PushMetrics
from service.results.renderer import Renderer
from service.results.stow import Pacs, trouble_of
from service.results.uids import instance_uid
from service.store.models import register
from service.store.predictions import record_batch
from service.store.tables import outbox
from service.worker.attempt import TRIES
from tests.results.subjects import make_subject
from tests.store.builders import AT
from tests.worker.receiver import Receiver, receiving

SEALER = Sealer(b"k" * 32, push=True)


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer() as renderer:
        yield renderer


@pytest.fixture
def prediction(engine: Engine) -> Prediction:
    """A recorded prediction whose report waits."""
    subject = make_subject()
    with engine.begin() as connection:
        manifest = subject.manifest.as_json()
        version = register(connection, model="chest", version="3", manifest=manifest, artifact_sha256="ab" * 32, package="p", at=AT)
        sealed = SEALER.seal(subject.prediction.id, subject.header)
        prediction = replace(subject.prediction, model_version=version.id, sealed=sealed)
        record_batch(connection, [prediction])
    return prediction


def push(engine: Engine, renderer: Renderer, address: str, *, after: timedelta = timedelta(), timeout: float = 10.0) -> int:
    pacs = Pacs(address.removesuffix("/hook"))
    archive, metrics = Archive(Versions(), SEALER, days=7), PushMetrics(CollectorRegistry())
    pusher = Pusher(engine, archive, renderer, pacs, metrics, now=lambda: datetime.now(UTC) + timedelta(seconds=1) + after)
    with httpx.Client(timeout=timeout, trust_env=False) as client:
        return pusher.push_due(client, Random(1))


def waiting(engine: Engine) -> list[tuple[int, str | None, bool]]:
    """(tries, last error, given up) of each message."""
    with engine.connect() as connection:
        return [(row.attempts, row.last_error, row.dead_at is not None) for row in connection.execute(select(outbox))]


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A PACS that gives one answer to everything."""
    with receiving(*[status] * 100, body=body) as receiver:
        yield receiver.url


def sent(receiver: Receiver) -> bytes:
    """The instance in the one part of the one request."""
    (headers,), (body,) = receiver.headers, receiver.bodies
    kind, _, boundary = headers["content-type"].partition("; boundary=")
    assert kind == 'multipart/related; type="application/dicom"'
    head, _, tail = body.partition(b"\r\n\r\n")
    assert head == f"--{boundary}\r\nContent-Type: application/dicom".encode()
    instance, end, rest = tail.partition(f"\r\n--{boundary}--\r\n".encode())
    assert (bool(end), rest) == (True, b"")
    return instance


def test_a_report_is_pushed_once_and_leaves_nothing_behind(engine: Engine, prediction: Prediction, renderer: Renderer) -> None:
    with receiving() as receiver:
        assert [push(engine, renderer, receiver.url) for _ in range(2)] == [1, 0]
    assert instance_uid(prediction).encode() in sent(receiver)
    assert "1.2.3.4" not in str(receiver.headers)
    assert waiting(engine) == []


@pytest.mark.parametrize("answer", [500, 401, 302, "die"])
def test_a_pacs_that_is_not_well_is_tried_again_within_minutes_for_days(
    engine: Engine, prediction: Prediction, renderer: Renderer, answer: int | str
) -> None:
    with receiving(*[answer] * (TRIES + 5)) as receiver:
        after = timedelta()
        for _ in range(TRIES + 5):
            assert push(engine, renderer, receiver.url, after=after) == 0
            after += timedelta(seconds=1.3 * LONGEST_RETRY_S)
        assert [(tries, dead) for tries, _, dead in waiting(engine)] == [(TRIES + 5, False)]
        assert push(engine, renderer, receiver.url, after=after) == 1
    assert len(set(receiver.bodies)) == 1


def test_a_pacs_that_hangs_is_given_up_for_now(engine: Engine, prediction: Prediction, renderer: Renderer) -> None:
    with receiving("hang") as receiver:
        assert push(engine, renderer, receiver.url, timeout=0.3) == 0
    assert waiting(engine) == [(1, "ReadTimeout", False)]


def test_a_report_that_the_pacs_refuses_for_a_day_is_dead(engine: Engine, prediction: Prediction, renderer: Renderer) -> None:
    with answering(409, b'{"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [43264]}}]}}') as address:
        for number in range(TRIES):
            assert push(engine, renderer, address, after=timedelta(hours=number)) == 0
    assert waiting(engine) == [(TRIES, "HTTP 409, failure reason A900", True)]


def test_a_report_that_the_pacs_has_already_is_there(engine: Engine, prediction: Prediction, renderer: Renderer) -> None:
    with answering(409, b'{"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [273]}}]}}') as address:
        assert push(engine, renderer, address) == 1
    assert waiting(engine) == []


def test_a_report_whose_days_are_over_is_given_up_at_once(engine: Engine, prediction: Prediction, renderer: Renderer) -> None:
    with receiving() as receiver:
        assert push(engine, renderer, receiver.url, after=timedelta(days=8)) == 0
    assert receiver.bodies == []
    assert waiting(engine) == [(1, "ReportGoneError", True)]


def test_one_that_cannot_be_made_does_not_stop_the_others(engine: Engine, prediction: Prediction, renderer: Renderer) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into outbox (id, kind, prediction, body, created_at, next_attempt_at) "
                "select gen_random_uuid(), 'report', gen_random_uuid(), '', now(), now() - interval '1 day'"
            )
        )
    with receiving() as receiver:
        assert push(engine, renderer, receiver.url) == 1
    assert waiting(engine) == [(1, "UnknownPredictionError", True)]


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[]", b"<NativeDicomModel/>", b'{"00081198": 7}', b'{"00081199": {"Value": [{}]}}', b"[" * 9999]
)
def test_an_answer_that_names_no_failure_is_what_its_status_is(answer: bytes) -> None:
    assert trouble_of(200, answer) is None
    trouble = trouble_of(503, answer)
    assert trouble is not None
    assert trouble.reason == "HTTP 503"


@pytest.mark.parametrize("item", [b"{}", b'{"00081197": {"Value": ["Agathe"]}}', b"7"])
def test_a_failure_without_a_reason_is_one_and_quotes_nothing(item: bytes) -> None:
    trouble = trouble_of(202, b'{"00081198": {"Value": [' + item + b"]}}")
    assert trouble is not None
    assert trouble.reason == "HTTP 202, failure reason 0000"


@pytest.mark.parametrize(
    "changes", [{"pacs_url": "ftp://pacs/x"}, {"pacs_url": "pacs"}, {"pacs_url": "http://pacs/dicom-web", "report_days": 0}]
)
def test_a_pacs_that_nothing_can_be_pushed_to_is_refused_at_the_start(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(SetupError, match="STEPWEDGE_PACS_URL"):
        Pacs.of(Settings.model_validate({"data_dir": tmp_path, **changes}))
