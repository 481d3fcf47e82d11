"""Readiness: a gateway that has not yet read which models there are does not call itself ready."""

from __future__ import annotations

from typing import cast

from service.gateway.database import Database
from service.gateway.fleet import Fleet
from service.gateway.predict import Predictor
from service.gateway.readiness import models_check
from tests.gateway.remembering import make_last_known


def never(*_: object) -> Predictor:
    raise AssertionError("nothing is loaded here")


def test_an_unread_register_is_not_an_empty_one() -> None:
    fleet = Fleet(cast("Database", object()), make_last_known(), never)
    unread = models_check(fleet, [])
    fleet.accepts = {}
    empty = models_check(fleet, [])
    assert (unread.ok, unread.detail) == (False, "not read yet")
    assert empty.ok
    assert "stepwedge register" in empty.detail
