"""What goes into the spool comes out of it, to the last field."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import timedelta, timezone

import numpy as np
import pytest

from service.domain import Outcome, Prediction, Refusal, Scores, Sealed
from service.gateway.entry import read_entry, write_entry
from service.store.ids import uuid7
from tests.store.builders import AT, make_prediction


def same(one: Prediction, other: Prediction) -> None:
    for field in fields(Prediction):
        if field.name == "scores":
            np.testing.assert_array_equal(one.scores.logits, other.scores.logits)
            np.testing.assert_array_equal(one.scores.embedding, other.scores.embedding)
            assert (one.scores.logits.dtype, one.scores.embedding.dtype) == (other.scores.logits.dtype, other.scores.embedding.dtype)
        else:
            assert getattr(one, field.name) == getattr(other, field.name), field.name


@pytest.mark.parametrize(
    "prediction",
    [
        make_prediction(),
        make_prediction(flags=("saturated", "inverted"), sealed=Sealed(b"\0\xff", push=True)),
        make_prediction(at=AT.astimezone(timezone(timedelta(hours=5, minutes=30)))),
        make_prediction(pixel_sha256=None, scores=Scores(np.array([1 / 3], np.float32), np.array([], np.float16))),
        make_prediction(attributes={"StationName": "P\0A\udc80 ü", "KVP": float("inf"), "ViewPosition": None}),
        make_prediction(pseudonyms=replace(make_prediction().pseudonyms, patient=None, study=None)),
    ],
)
def test_a_prediction_comes_back_as_it_was(prediction: Prediction) -> None:
    found = read_entry(write_entry(prediction))
    assert isinstance(found, Prediction)
    same(found, prediction)


def test_a_refusal_comes_back_as_it_was() -> None:
    refusal = Refusal(uuid7(AT), AT, "chest", "main", "pacs", Outcome.FAILED, "unavailable", 503, 17, "Modality")
    assert read_entry(write_entry(refusal)) == refusal


def test_a_column_that_an_older_version_did_not_know_is_empty() -> None:
    document = json.loads(write_entry(make_prediction()))
    del document["prediction"]["flags"], document["sealed"]
    found = read_entry(json.dumps(document).encode())
    assert isinstance(found, Prediction)
    assert (found.flags, found.sealed) == ((), None)


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b'{"prediction": {}}', b'{"prediction": 1}', b'{"refusal": {"id": "x"}}', b"\xff", b"null"]
)
def test_what_is_no_entry_is_an_error_of_value(payload: bytes) -> None:
    with pytest.raises(ValueError, match="no entry"):
        read_entry(payload)
