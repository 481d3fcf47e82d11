"""The headers that every answer carries, and the list of models."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx


def test_every_answer_has_an_id_and_safe_headers(shared: httpx.Client) -> None:
    for path in ("/livez", "/nothing", "/v1/models"):
        headers = shared.get(path).headers
        assert UUID(headers["x-request-id"])
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_a_caller_s_request_id_is_kept_if_it_is_one(shared: httpx.Client) -> None:
    mine = str(uuid4())
    assert shared.get("/livez", headers={"X-Request-Id": mine}).headers["x-request-id"] == mine
    assert UUID(shared.get("/livez", headers={"X-Request-Id": "Zimmermann"}).headers["x-request-id"])


def test_the_models_are_listed_with_what_they_promise(shared: httpx.Client) -> None:
    (summary,) = shared.get("/v1/models").json()
    assert (summary["model"], summary["version"], summary["findings"], summary["loaded"]) == ("chest", "1", ["opacity", "effusion"], True)
    detail = shared.get(summary["links"]["self"]).json()
    assert [point["threshold"] for point in detail["operating_points"]] == [0.5, 0.5]
    assert detail["accepts"]["modality"] == ["DX", "CR"]
    assert detail["monitoring"]["alarms_per_year"] == 1.0
    assert [version["state"] for version in detail["versions"]] == ["champion"]
