"""An instance that says of itself that it is urgent is recognised before it is read, however it is written; urgent ones go first, not for ever."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import uid

from service.gateway.line import IN_A_ROW, Line
from service.gateway.urgency import says_stat
from tests.films import make_film

WRITTEN = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless)


@pytest.mark.parametrize("syntax", WRITTEN, ids=lambda syntax: syntax.name)
def test_a_film_whose_order_was_stat_is_recognised(syntax: uid.UID) -> None:
    assert says_stat(make_film(syntax=syntax, RequestedProcedurePriority="STAT"))


@pytest.mark.parametrize(
    "words", [{"RequestedProcedurePriority": "ROUTINE"}, {"StationName": "STAT"}, {"StudyDescription": "STAT STATION STAT"}]
)
def test_a_film_that_only_speaks_of_it_is_not(words: dict[str, Any]) -> None:
    assert not says_stat(make_film(**words))


@pytest.mark.parametrize("body", [b"", b"STAT", b"\x40\x00\x03\x10", b"STAT" * 40_000])
def test_any_bytes_may_be_asked(body: bytes) -> None:
    assert not says_stat(body)


def test_urgent_ones_go_first_and_the_others_still_come() -> None:
    line = Line[str]()
    for number in range(2 * IN_A_ROW):
        line.append("routine", urgent=False)
        line.append(f"urgent {number}", urgent=True)
    order = [line.popleft() for _ in range(len(line))]
    assert order[:IN_A_ROW] == [f"urgent {number}" for number in range(IN_A_ROW)]
    assert order[IN_A_ROW] == "routine"
    assert sorted(order) == sorted(["routine"] * 2 * IN_A_ROW + [f"urgent {number}" for number in range(2 * IN_A_ROW)])
