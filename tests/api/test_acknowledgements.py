"""Who has seen an alarm is kept for good, with a reason."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from service.store.alarms import open_alarm
from service.store.audit import entries
from service.store.models import champion
from service.store.references import save_reference
from tests.api.test_monitoring import MONDAY, make_alarm


@pytest.fixture
def alarm(client: httpx.Client, engine: Engine) -> str:
    """The address of an open alarm."""
    with engine.begin() as connection:
        version = champion(connection, "chest").id
        stored = save_reference(connection, version, since=MONDAY, until=MONDAY, built_at=MONDAY, payload=b"")
        made = make_alarm(version, stored.id)
        open_alarm(connection, made)
    return f"/v1/models/chest/alarms/{made.id}"


def test_an_acknowledgement_is_told_audited_and_changes_nothing_of_the_alarm(client: httpx.Client, engine: Engine, alarm: str) -> None:
    before = client.get(alarm).json()
    reply = client.post(f"{alarm}/acknowledgements", json={"reason": " The new  scanner. "})
    assert (reply.status_code, reply.json()["actor"], reply.json()["reason"]) == (201, "tests", "The new scanner.")
    client.post(f"{alarm}/acknowledgements", json={"reason": "Service was here."})
    assert [one["reason"] for one in client.get(f"{alarm}/acknowledgements").json()] == ["The new scanner.", "Service was here."]
    assert client.get(alarm).json() == before
    with engine.connect() as connection:
        acts = [entry.act for entry in entries(connection) if entry.act.deed == "alarm.acknowledged"]
    assert [(act.actor, act.details["reason"]) for act in acts] == [("tests", "The new scanner."), ("tests", "Service was here.")]


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": " "}, {"reason": "ab"}, {"reason": 1001 * "a"}, {"reason": "a", "by": "b"}]
)
def test_an_acknowledgement_needs_a_reason(client: httpx.Client, alarm: str, body: dict[str, str]) -> None:
    assert client.post(f"{alarm}/acknowledgements", json=body).status_code == 400
    assert client.get(f"{alarm}/acknowledgements").json() == []


def test_who_may_only_look_cannot_acknowledge(client: httpx.Client, alarm: str) -> None:
    with httpx.Client(base_url=client.base_url, trust_env=False) as guest:
        assert guest.post(f"{alarm}/acknowledgements", json={"reason": "seen"}).status_code == 401
    other = alarm.replace("/chest/", "/other/")
    assert client.post(f"{other}/acknowledgements", json={"reason": "seen"}).status_code == 404


def test_nobody_changes_what_was_said(client: httpx.Client, engine: Engine, alarm: str) -> None:
    client.post(f"{alarm}/acknowledgements", json={"reason": "seen"})
    for change in ("update acknowledgements set reason = 'other'", "delete from acknowledgements"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(change))
