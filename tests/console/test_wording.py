"""The examples in the docstrings of wording are right."""

from __future__ import annotations

import doctest

from service.console import wording


def test_the_examples_of_the_wording_hold() -> None:
    tried = doctest.testmod(wording)
    assert tried.attempted >= 5
    assert tried.failed == 0
