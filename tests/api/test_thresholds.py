"""A threshold is recommended with what would change, and nothing is changed by it."""

from __future__ import annotations

import httpx
from sqlalchemy import Engine

from tests.api.readings import settle

ADDRESS = "/v1/models/chest/thresholds"


def test_a_threshold_is_recommended_and_not_applied(client: httpx.Client, engine: Engine) -> None:
    assert client.get(ADDRESS).json()["reason"] == "the model has no reference yet"
    settle(engine, shift=3.0)
    before = client.get("/v1/models/chest").json()["operating_points"]
    body = client.get(ADDRESS).json()
    found = body["recommendation"]
    assert (body["prevalence_from"], found["change"]) == ("labels", True)
    assert 2 < found["best"]["threshold"] < 4
    assert found["more_flagged_per_thousand"] < 0 < found["saved_low"]
    assert found["saved_per_thousand"] == found["deployed"]["cost_per_thousand"] - found["best"]["cost_per_thousand"]
    assert client.get("/v1/models/chest").json()["operating_points"] == before


def test_today_s_prevalence_is_read_from_all_scores_where_these_are_as_ever(client: httpx.Client, engine: Engine) -> None:
    settle(engine, labelled=0.3)
    body = client.get(ADDRESS).json()
    assert (body["prevalence_from"], body["recommendation"]["change"]) == ("scores", False)
    assert client.get(ADDRESS, params={"window": 1}).json()["recommendation"] is None
