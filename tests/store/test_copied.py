"""However many films are stored together, each is the same row."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from sqlalchemy import Engine, select

from service.domain import Prediction, Pseudonyms, Scores, Sealed
from service.store.at_once import LARGEST
from service.store.copied import lines_of
from service.store.ids import uuid7
from service.store.predictions import record_alone
from service.store.tables import predictions
from tests.store.builders import AT, digest, make_prediction

GROUP = 2 * LARGEST


def odd(number: int) -> Prediction:
    """Every fourth has all, the others lack something or hold what is hard to spell."""
    at = AT + timedelta(seconds=number)
    film = make_prediction(f"film {number}", at=at, id=uuid7(at), flags=("clipped", "inverted")[: number % 3], ood_distance=number / 7)
    if number % 4 == 1:
        return make_prediction(
            f"film {number}", at=at, id=film.id, pseudonyms=Pseudonyms(None, None, None, None, None), key=digest(str(number))
        )
    if number % 4 == 2:
        no_scores = Scores(np.array([], np.float32), np.array([], np.float16))
        return make_prediction(
            f"film {number}", at=at, id=film.id, scores=no_scores, site="Zürich", attributes={"StationName": "\0 ☢" * 2000}
        )
    if number % 4 == 3:
        return make_prediction(f"film {number}", at=at, id=film.id, statistics={"mean": float("nan")}, sealed=Sealed(b"header", push=False))
    return film


def rows(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(predictions).order_by(predictions.c.id))]


def test_a_film_makes_the_same_row_in_a_large_group_as_in_small_ones(engine: Engine) -> None:
    films = [odd(number) for number in range(GROUP)]
    with engine.connect() as connection:
        record_alone(connection, films)
        connection.commit()
    together = rows(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("truncate predictions, submissions, sealed_headers, outbox, tally_marks, ledger_months")
    for start in range(0, GROUP, 8):
        with engine.connect() as connection:
            record_alone(connection, films[start : start + 8])
            connection.commit()
    assert together == rows(engine)
    assert len(together) == GROUP


def test_a_group_that_is_all_new_is_committed_before_its_answer(engine: Engine) -> None:
    films = [odd(number) for number in range(GROUP)]
    with engine.connect() as connection:
        record_alone(connection, films)
        connection.rollback()
    assert len(rows(engine)) == GROUP


def test_rows_are_handed_over_in_blocks() -> None:
    assert len(list(lines_of([odd(number) for number in range(GROUP)]))) == 2
