"""Subgroups of any window can be read as JSON or as a table; small ones are hidden in both."""

from __future__ import annotations

import csv
import io

import httpx
from sqlalchemy import Engine

from tests.api.readings import settle

ADDRESS = "/v1/models/chest/subgroups"


def test_every_subgroup_is_told_against_everybody_else(client: httpx.Client, engine: Engine) -> None:
    assert client.get(ADDRESS).json()["reason"] == "the model has no reference yet"
    settle(engine, hidden_south=0.6)
    body = client.get(ADDRESS, params={"window": 30}).json()
    cells = {one["subgroup"]: one for one in body["subgroups"]}
    assert list(cells) == ["site=north", "site=south", "PatientSex=F", "PatientSex=M"]
    south = {one["rate"]: one for one in cells["site=south"]["rates"]}
    assert list(south) == ["sensitivity", "specificity", "positive_predictive_value", "negative_predictive_value", "underdiagnosis"]
    one = south["sensitivity"]
    assert one["gap_low"] < one["gap"] < one["gap_high"] < 0
    assert one["gap"] == round(one["value"] - one["rest"], 12) or abs(one["gap"] - one["value"] + one["rest"]) < 1e-9
    assert one["p"] < 0.001
    assert one["low"] < one["shrunk"] < one["high"]
    assert 0 < one["detectable_gap"] < abs(one["gap"])
    assert [each["attribute"] for each in body["attributes"]] == ["site", "PatientSex"]
    rows = list(csv.DictReader(io.StringIO(client.get(ADDRESS, headers={"Accept": "text/csv"}).text)))
    assert [row["rate"] for row in rows[:5]] == list(south)
    assert len(rows) == 20


def test_a_handful_of_patients_is_in_neither(client: httpx.Client, engine: Engine) -> None:
    settle(engine, films_of_a_patient=1000)
    body = client.get(ADDRESS).json()
    assert all(one["hidden"] and one["films"] is None and one["rates"] == [] for one in body["subgroups"])
    table = client.get(ADDRESS, headers={"Accept": "text/csv"}).text
    assert "sensitivity" not in table
    curves = client.get("/v1/models/chest/curves", params={"subgroup": "site=south"}).json()
    assert (curves["curves"], curves["labels"]) == ([], 0)


def test_where_the_south_is_a_handful_the_north_is_not_told_of_either(client: httpx.Client, engine: Engine) -> None:
    settle(engine, south_patients=7)
    hidden = [one["subgroup"] for one in client.get(ADDRESS).json()["subgroups"] if one["hidden"]]
    assert hidden == ["site=north", "site=south"]
    for cell in hidden:
        reply = client.get("/v1/models/chest/curves", params={"subgroup": cell}).json()
        assert (reply["curves"], reply["labels"], reply["reason"][:7]) == ([], 0, "hidden:")
        for page in ("inputs", "calibration", "performance"):
            assert "hidden: fewer than 11 patients" in client.get(f"/console/models/chest/{page}", params={"cell": cell}).text
    assert client.get("/v1/models/chest/curves", params={"subgroup": "PatientSex=F"}).json()["curves"]
