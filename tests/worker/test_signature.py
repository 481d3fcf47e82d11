"""Signature: a receiver can tell who speaks and whether it heard this before."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from service.worker.signature import signing_key, webhook_headers

EVENT = "019cabe6-6400-7000-8000-000000000000"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_receiver_with_the_key_can_verify_id_timestamp_and_body():
    headers = webhook_headers(EVENT, AT, b'{"a":1}', b"key of at least 24 bytes.")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + b'{"a":1}'
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert base64.b64decode(signature) == hmac.new(b"key of at least 24 bytes.", signed, hashlib.sha256).digest()


def test_the_published_example_gets_the_published_signature():
    at = datetime.fromtimestamp(1614265330, tz=UTC)
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = webhook_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', key)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_timestamp_is_that_of_the_try_and_the_id_is_not():
    first, second = (webhook_headers(EVENT, at, b"{}", b"k") for at in (AT, AT.replace(hour=10)))
    assert first["webhook-id"] == second["webhook-id"] == EVENT
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 3600
    assert first["webhook-signature"] != second["webhook-signature"]


def test_without_a_key_nothing_is_signed():
    assert set(webhook_headers(EVENT, AT, b"{}", None)) == {"webhook-id", "webhook-timestamp"}


def test_a_secret_with_the_customary_prefix_must_be_base64():
    with pytest.raises(ValueError, match="not base64"):
        signing_key("whsec_not base64!")
