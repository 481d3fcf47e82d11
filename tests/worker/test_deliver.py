"""Deliver: each message reaches the receiver under one id, whatever becomes of the tries."""

from __future__ import annotations

import json
import multiprocessing
import time
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from threading import Thread

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from service.config import Settings
from service.store.engine import open_engine
from service.store.ids import uuid7
from service.store.outbox import Kind, enqueue_result
from service.store.tables import outbox
from service.worker.attempt import TRIES, pause
from service.worker.deliver import Delivery, Destination, deliver_due
from service.worker.signature import webhook_headers
from tests.worker.conftest import run
from tests.worker.hospital import QUIET_DAYS, REFERENCE_DAYS, Stream, day, send_days
from tests.worker.receiver import receiving

SHIFT = REFERENCE_DAYS + QUIET_DAYS
AT = day(SHIFT + 3)
KEY = b"a key of twenty-four bytes"


@pytest.fixture
def alarmed(settled: Engine, version) -> Engine:
    """A hospital with one message in its outbox."""
    send_days(settled, version, SHIFT, 2, Stream(scanner="Gamma", kvp=9.0))
    run(settled, day(SHIFT + 2))
    return settled


def deliver(engine: Engine, url: str, at: datetime = AT, key: bytes | None = KEY, timeout: float = 10.0) -> Delivery:
    with httpx.Client(timeout=timeout) as client:
        return deliver_due(engine, client, Destination(url, key), lambda: at, Random(1))


def message(engine: Engine):
    with engine.connect() as connection:
        return connection.execute(select(outbox)).one()


def test_a_message_is_delivered_once_and_signed(alarmed):
    with receiving() as receiver:
        assert deliver(alarmed, receiver.url) == Delivery(delivered=1, failed=0)
        assert deliver(alarmed, receiver.url, AT + timedelta(days=1)) == Delivery(delivered=0, failed=0)
    (headers,), (body,) = receiver.headers, receiver.bodies
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert {name: headers[name] for name in headers if name.startswith("webhook-")} == webhook_headers(headers["webhook-id"], AT, body, KEY)
    assert json.loads(body)["id"] == headers["webhook-id"]
    assert message(alarmed).delivered_at == AT


def test_a_receiver_that_fails_first_sees_one_id_and_one_body_however_often_it_is_tried(alarmed):
    with receiving(500, 429, "die", 302) as receiver:
        at = AT
        outcomes = []
        for _ in range(6):
            outcomes.append(deliver(alarmed, receiver.url, at).delivered)
            at += timedelta(hours=3)
    assert outcomes == [0, 0, 0, 0, 1, 0]
    assert len(set(receiver.ids)) == len(set(receiver.bodies)) == 1
    assert len({headers["webhook-timestamp"] for headers in receiver.headers}) == 5


def test_a_try_that_failed_is_not_repeated_at_once(alarmed):
    with receiving(500) as receiver:
        assert deliver(alarmed, receiver.url) == Delivery(delivered=0, failed=1)
        assert deliver(alarmed, receiver.url, AT + timedelta(seconds=1)) == Delivery(delivered=0, failed=0)
    assert message(alarmed).last_error == "HTTP 500"


def test_a_receiver_that_hangs_is_given_up_for_now(alarmed):
    with receiving("hang") as receiver:
        assert deliver(alarmed, receiver.url, timeout=0.3) == Delivery(delivered=0, failed=1)
    assert message(alarmed).last_error == "ReadTimeout"


def test_a_receiver_that_is_away_is_tried_again(alarmed):
    with receiving() as receiver:
        pass
    assert deliver(alarmed, receiver.url) == Delivery(delivered=0, failed=1)
    assert message(alarmed).last_error == "ConnectError"


def test_after_a_day_of_tries_a_message_is_dead_and_stays_so(alarmed):
    with receiving(*[503] * TRIES) as receiver:
        at, tries = AT, 0
        while message(alarmed).dead_at is None:
            tries += deliver(alarmed, receiver.url, at).failed
            at = max(at, message(alarmed).next_attempt_at)
        assert tries == TRIES
        assert timedelta(hours=18) < message(alarmed).dead_at - AT < timedelta(hours=30)
        assert deliver(alarmed, receiver.url, at + timedelta(days=9)) == Delivery(delivered=0, failed=0)


def test_two_workers_do_not_send_one_message_at_once(alarmed):
    with receiving("hang") as receiver:
        slow = Thread(target=deliver, args=(alarmed, receiver.url))
        slow.start()
        assert receiver.reached.wait(30)
        assert deliver(alarmed, receiver.url) == Delivery(delivered=0, failed=0)
        receiver.released.set()
        slow.join()
    assert len(receiver.ids) == 1


def test_a_worker_that_dies_while_it_sends_leaves_the_message_due_under_its_id(alarmed):
    with receiving("hang") as receiver:
        url = alarmed.url.render_as_string(hide_password=False)
        worker = multiprocessing.get_context("spawn").Process(target=deliver_alone, args=(url, receiver.url))
        worker.start()
        assert receiver.reached.wait(60)
        worker.kill()
        worker.join()
        deadline = time.monotonic() + 30
        while not (delivery := deliver(alarmed, receiver.url)).delivered and time.monotonic() < deadline:
            time.sleep(0.01)
    assert delivery == Delivery(delivered=1, failed=0)
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


def deliver_alone(database_url: str, url: str) -> None:
    deliver(open_engine(database_url), url, timeout=120)


def test_pauses_double_up_to_two_hours_and_never_agree():
    draw = Random(1)
    seconds = [pause(attempts, draw).total_seconds() for attempts in range(1, TRIES)]
    assert 3.5 < seconds[0] < 6.5
    assert all(later > 1.1 * earlier for earlier, later in pairwise(seconds[:10]))
    assert all(5400 <= one <= 9000 for one in seconds[11:])
    assert len(set(seconds)) == len(seconds)


def test_each_kind_goes_to_its_own_address_and_waits_where_there_is_none(alarmed):
    with alarmed.begin() as connection:
        enqueue_result(connection, result := uuid7(AT), None, b"{}", AT)
    with receiving() as remedies, receiving() as results, httpx.Client() as client:
        assert deliver(alarmed, remedies.url).delivered == 1
        assert remedies.ids != [str(result)]
        assert deliver_due(alarmed, client, Destination(results.url, KEY, Kind.RESULT), lambda: AT, Random(1)).delivered == 1
        assert results.ids == [str(result)]


def test_without_an_address_nothing_is_sent(tmp_path):
    assert Destination.all_of(Settings(data_dir=tmp_path, webhook_url=None)) == []


@pytest.mark.parametrize(("url", "secret"), [("ftp://host/x", None), ("nowhere", None), ("http://host/x", "whsec_*")])
def test_an_address_or_secret_that_cannot_work_is_refused_at_the_start(tmp_path, url, secret):
    settings = Settings(data_dir=tmp_path, webhook_url=url, webhook_secret=SecretStr(secret) if secret else None)
    with pytest.raises(ValueError, match="webhook"):
        Destination.all_of(settings)
