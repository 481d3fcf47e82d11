"""Labels as spreadsheets of half of Europe write them."""

from __future__ import annotations

import httpx
from sqlalchemy import Engine

from tests.api.test_labels import CSV, predict, stored


def test_a_spreadsheet_of_half_of_europe_says_the_same_and_what_cannot_be_read_says_so(client: httpx.Client, engine: Engine) -> None:
    answer = predict(client)["id"]
    header = "\ufeffprediction;finding;value;source;reader;made_at\r\n"
    good = f'{answer};"effusion";0,25;report;M\u00fcller;2026-03-02T16:30:00+01:00\r\n'
    reply = client.post("/v1/labels", content=(header + good + good).encode() + good.encode("cp1252"), headers=CSV).json()
    assert (reply["accepted"], reply["refused"], reply["added"]) == (2, 1, 1)
    assert [(one["line"], "CSV UTF-8" in one["detail"]) for one in reply["errors"]] == [(4, True)]
    assert stored(engine) == [("effusion", 0.25)]
    naive = client.post("/v1/labels", content=header + good.replace("+01:00", ""), headers=CSV).json()
    assert naive["errors"][0]["errors"][0]["location"] == "made_at"
