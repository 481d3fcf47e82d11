"""Curves of any window and subgroup are drawn from tallies, as JSON or as a table."""

from __future__ import annotations

import csv
import io

import httpx
from sklearn.metrics import average_precision_score, roc_auc_score
from sqlalchemy import Engine

from tests.api.readings import last_days, settle

ADDRESS = "/v1/models/chest/curves"


def test_without_a_reference_there_are_no_curves_and_that_is_said(client: httpx.Client) -> None:
    body = client.get(ADDRESS, params={"finding": "opacity"}).json()
    assert (body["format"], body["curves"], body["reason"]) == (1, [], "the model has no reference yet")


def test_curves_are_those_of_the_labelled_films_of_the_window(client: httpx.Client, engine: Engine) -> None:
    films = settle(engine)
    for days in (7, 30):
        body = client.get(ADDRESS, params={"finding": "opacity", "window": days}).json()
        scores, labels = last_days(films, days)
        drawn = {one["name"]: one for one in body["curves"]}
        assert list(drawn) == ["roc", "precision_recall", "decision", "reliability"]
        assert (body["positives"], body["positives"] + body["negatives"]) == (sum(labels), len(labels))
        for name, score in (("roc", roc_auc_score), ("precision_recall", average_precision_score)):
            assert abs(drawn[name]["area"] - score(labels, scores)) <= drawn[name]["bound"]
        points = drawn["roc"]["points"]
        assert {len(column) for column in points.values()} == {len(points["x"])}
        assert (points["x"][0], points["y"][0], points["x"][-1], points["y"][-1]) == (1, 1, 0, 0)
        assert all(low <= y <= high for low, y, high in zip(points["low"], points["y"], points["high"], strict=True))
    assert 0 < body["calibration"]["e50"] <= body["calibration"]["e90"]
    assert body["calibration"]["ici"] < 3 * body["calibration"]["chance"], "the stream is calibrated"
    few = client.get(ADDRESS, params={"finding": "opacity", "window": 1}).json()
    assert (few["calibration"], few["curves"] != []) == (None, True)
    assert body["until"] == "2026-03-15T00:00:00Z"


def test_a_subgroup_and_an_earlier_end_narrow_them(client: httpx.Client, engine: Engine) -> None:
    settle(engine)
    whole, south, earlier = (
        client.get(ADDRESS, params={"finding": "opacity", "window": 10, **more}).json()
        for more in ({}, {"subgroup": "site=south"}, {"until": "2026-03-07T00:30:00Z"})
    )
    assert 0.4 < (south["positives"] + south["negatives"]) / (whole["positives"] + whole["negatives"]) < 0.6
    assert (earlier["positives"] + earlier["negatives"], earlier["until"]) == (500, "2026-03-07T00:00:00Z")
    before = client.get(ADDRESS, params={"until": "0001-01-01T00:00:00+05:00"}).json()
    assert (before["positives"], before["until"]) == (0, "2026-03-02T00:00:00Z")


def test_a_table_is_given_to_whoever_asks_for_one(client: httpx.Client, engine: Engine) -> None:
    settle(engine)
    body = client.get(ADDRESS, params={"finding": "opacity"}).json()
    reply = client.get(ADDRESS, params={"finding": "opacity"}, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert reply.headers["content-type"].startswith("text/csv")
    assert len(rows) == sum(len(one["points"]["x"]) for one in body["curves"])
    assert (rows[0]["curve"], float(rows[0]["y"])) == ("roc", 1.0)


def test_what_cannot_be_drawn_is_a_problem(client: httpx.Client, engine: Engine) -> None:
    settle(engine)
    for status, asked in (
        (404, {"finding": "hernia"}),
        (404, {"subgroup": "site=moon"}),
        (400, {"window": "0"}),
        (400, {"until": "2026-03-02"}),
    ):
        reply = client.get(ADDRESS, params=asked)
        assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")


def test_too_few_labels_draw_nothing_and_say_so(client: httpx.Client, engine: Engine) -> None:
    settle(engine, labelled=0.005)
    body = client.get(ADDRESS, params={"finding": "opacity"}).json()
    assert (body["curves"], body["reason"]) == ([], "20 positives and 20 negatives needed")
