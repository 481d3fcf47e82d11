"""A lock has one holder, and dies with its connection."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from service.store.locks import session_lock


def test_a_lock_has_one_holder_over_any_number_of_transactions(engine: Engine) -> None:
    with engine.connect() as first, engine.connect() as second, session_lock(first, "work") as held:
        assert held
        with first.begin():
            first.execute(text("select 1"))
        with session_lock(second, "work") as too, session_lock(second, "other work") as other:
            assert (too, other) == (False, True)
    with engine.connect() as third, session_lock(third, "work") as held:
        assert held


def test_a_lock_is_free_again_after_its_work_failed(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(ZeroDivisionError), session_lock(connection, "work"):  # noqa: PT012 - the lock is the subject
        connection.execute(text("select 1"))
        raise ZeroDivisionError
    with engine.connect() as connection, session_lock(connection, "work") as held:
        assert held


def test_a_lock_dies_with_its_connection(engine: Engine) -> None:
    with engine.connect() as first, session_lock(first, "work"):
        first.invalidate()
        with engine.connect() as second, session_lock(second, "work", wait=True) as held:
            assert held
