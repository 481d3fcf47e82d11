"""The end of each request that is answered later is told to the webhook, signed, under one id, without a patient in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
from pydantic import SecretStr
from pydicom.uid import generate_uid
from sqlalchemy import Engine

from service.store.outbox import Kind
from service.worker.deliver import Destination, deliver_due
from service.worker.signature import signing_key, webhook_headers
from tests.api.serving import make_settings, register, serving, until, until_loaded
from tests.api.test_later import LATER, files, followed
from tests.films import NAMES, make_film, phantom
from tests.worker.receiver import receiving

ASK = "/v1/models/chest/predictions"


def test_each_end_is_told_once_signed_and_without_a_patient(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    with receiving(500) as receiver:
        settings = make_settings(postgres_url, tmp_path, results_url=receiver.url, results_secret=SecretStr("whsec_c2VjcmV0"))
        register(engine, settings, tmp_path / "package")
        uid, key = generate_uid(), {**LATER, "Idempotency-Key": "order-7"}
        with serving(settings) as client:
            until_loaded(client)
            done = followed(client, client.post(ASK, content=make_film(SOPInstanceUID=uid), headers=key).headers["location"])
            failed = followed(client, client.post(ASK, content=make_film(phantom(seed=5)), headers=key).headers["location"])
            prediction = client.get(done["links"]["prediction"]).json()  # type: ignore[index] # JSON
            until(lambda: files(settings) == [])
        (destination,) = Destination.all_of(settings)
        assert destination.kind is Kind.RESULT
        with httpx.Client() as client:
            late = datetime(2100, 1, 1, tzinfo=UTC)
            tried = [deliver_due(engine, client, destination, lambda: at, Random(1)) for at in (datetime.now(UTC), late, late)]  # noqa: B023 - called at once
    assert [(one.delivered, one.failed) for one in tried] == [(1, 1), (1, 0), (0, 0)]
    assert len(receiver.ids) == 3
    told = {body["data"]["request"]["state"]: body for body in map(json.loads, receiver.bodies)}
    assert len({body["id"] for body in told.values()}) == len(set(receiver.ids)) == 2
    assert told["done"]["data"]["request"] == done
    assert {**told["done"]["data"]["prediction"], "replayed": True} == prediction
    assert (told["failed"]["data"]["request"], told["failed"]["data"]["prediction"]) == (failed, None)
    assert [name for name in (*NAMES, uid, "order-7") if name in str(receiver.bodies)] == []
    for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        expected = webhook_headers(headers["webhook-id"], at, body, signing_key("whsec_c2VjcmV0"))
        assert headers["webhook-signature"] == expected["webhook-signature"]
