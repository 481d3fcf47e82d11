"""Decisions on remedies over HTTP: who may, what is told, and that a model out of service says why."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine

from service.access import Role
from service.config import Settings
from tests.api.serving import DICOM, until
from tests.callers import issue
from tests.films import make_film
from tests.remedies.builders import make_remedy

WHY = {"reason": "the physicist confirmed it"}


def test_a_remedy_is_approved_once_and_tells_its_plan_and_steps(client: httpx.Client, engine: Engine) -> None:
    remedy = make_remedy(engine, plan={"cool_down_days": 30})
    approved = client.post(f"/v1/remedies/{remedy.id}/approve", json=WHY)
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    again = client.post(f"/v1/remedies/{remedy.id}/approve", json=WHY)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/remedy-state")
    told = client.get(f"/v1/remedies/{remedy.id}").json()
    assert (told["model"], told["version"], told["action"], told["plan"]) == ("chest", "1", "recalibrate", {"cool_down_days": 30})
    assert [(step["step"], step["actor"], step["reason"]) for step in told["steps"]] == [("approved", "tests", WHY["reason"])]


def test_a_decision_needs_a_reason_a_role_and_a_place_in_the_plan(client: httpx.Client, engine: Engine, settings: Settings) -> None:
    remedy = make_remedy(engine, plan={"approvers": ["owner"]})
    address = f"/v1/remedies/{remedy.id}/reject"
    reader = issue(str(settings.database_url), "reader", [Role.READ])
    owner = issue(str(settings.database_url), "owner", [Role.OPERATE])
    assert client.post(address, json={"reason": ""}).status_code == 400
    until(lambda: client.post(address, json=WHY, headers=reader).json()["type"] == "/problems/forbidden")
    assert client.post(address, json=WHY).json()["type"] == "/problems/not-approver"
    until(lambda: client.post(address, json=WHY, headers=owner).status_code in {200, 409})
    assert client.get(f"/v1/remedies/{remedy.id}").json()["state"] == "rejected"


@pytest.mark.parametrize(("method", "below"), [("GET", ""), ("POST", "/approve"), ("POST", "/reject")])
def test_an_unknown_remedy_is_not_found(client: httpx.Client, method: str, below: str) -> None:
    reply = client.request(method, f"/v1/remedies/{uuid4()}{below}", json=WHY if below else None)
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/unknown-remedy")


def test_a_model_out_of_service_says_why_and_comes_back(client: httpx.Client) -> None:
    def answer() -> httpx.Response:
        return client.post("/v1/models/chest/predictions", content=make_film(), headers=DICOM)

    assert answer().status_code == 200
    stopped = client.post("/v1/models/chest/stop", json={"reason": "misses every second opacity"})
    assert [one["resumed_at"] for one in stopped.json()] == [None]
    until(lambda: answer().status_code == 503)
    refused = answer()
    assert refused.json()["type"] == "/problems/model-stopped"
    assert "misses every second opacity" in refused.json()["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    forwarded = client.post("/dicom-web/studies?model=chest", content=make_film(), headers=DICOM)
    assert (forwarded.status_code, forwarded.json()["type"]) == (503, "/problems/model-stopped")
    (resumed,) = client.post("/v1/models/chest/resume", json=WHY).json()
    assert (resumed["resumed_by"], resumed["resume_reason"]) == ("tests", WHY["reason"])
    until(lambda: answer().status_code == 200)
    assert len(client.get("/v1/models/chest/stops").json()) == 1


def test_an_approved_stop_is_felt_by_the_pacs(client: httpx.Client, engine: Engine) -> None:
    remedy = make_remedy(engine, "stop", kind="performance")
    assert client.post(f"/v1/remedies/{remedy.id}/approve", json=WHY).json()["state"] == "done"
    until(lambda: client.post("/v1/models/chest/predictions", content=make_film(), headers=DICOM).status_code == 503)
