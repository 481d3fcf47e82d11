"""A short siege: both gateways are killed and Postgres freezes while films come in. `python -m tests.benchmarks.faults` is the long one."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks.faults import Wanted, run


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the server's processes in /proc")
def test_two_kills_and_a_freeze_lose_nothing_and_double_nothing() -> None:
    found = run(Wanted(requests=300, rounds=1, faults=("first gateway killed", "postgres frozen", "second gateway killed"), pause=1.0))
    assert (found["answers_without_a_row"], found["films_twice"], found["books_balance"]) == (0, 0, True)
    assert found["ok"], found
