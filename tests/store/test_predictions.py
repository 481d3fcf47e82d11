"""Each accepted film is one row, whoever sends it, however often."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import Engine, delete, func, select, text

from service.domain import Recorded
from service.errors import ConflictError, UnknownPredictionError
from service.store.ids import uuid7
from service.store.labels import add_labels, labels_of
from service.store.predictions import find_prediction, predictions_of, record_alone, record_batch, rows_between
from service.store.tables import predictions, submissions, tally_marks
from tests.store.builders import AT, make_label, make_prediction


def record(engine: Engine, *batch: object) -> Sequence[Recorded | ConflictError]:
    with engine.begin() as connection:
        return record_alone(connection, batch)  # type: ignore[arg-type]  # builders give predictions


def count(engine: Engine, table: object) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]  # any table


def owned(engine: Engine) -> int:
    """Predictions that some key leads to."""
    with engine.connect() as connection:
        return connection.scalar(select(func.count(submissions.c.prediction.distinct()))) or 0


def test_a_prediction_comes_back_as_it_was_stored(engine: Engine) -> None:
    prediction = make_prediction(flags=("constant", "saturated"))
    record(engine, prediction)
    with engine.connect() as connection:
        found = find_prediction(connection, prediction.id)
    np.testing.assert_array_equal(found.scores.logits, prediction.scores.logits)
    np.testing.assert_array_equal(found.scores.embedding, prediction.scores.embedding)
    assert found.scores.embedding.dtype == np.float16
    for name in (
        "id",
        "received_at",
        "site",
        "key",
        "content",
        "pseudonyms",
        "attributes",
        "statistics",
        "pixel_sha256",
        "duration_ms",
        "flags",
    ):
        assert getattr(found, name) == getattr(prediction, name), name


def test_an_unknown_id_is_an_error(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(UnknownPredictionError):
        find_prediction(connection, uuid7(AT))


def test_the_same_film_again_gets_the_first_answer_and_no_row(engine: Engine) -> None:
    first, second = make_prediction(), make_prediction(at=AT + timedelta(hours=3))
    record(engine, first)
    (answer,) = record(engine, second)
    assert isinstance(answer, Recorded)
    assert (answer.replayed, answer.prediction.id) == (True, first.id)
    assert (count(engine, predictions), owned(engine), count(engine, tally_marks)) == (1, 1, 1)


def test_twins_in_one_batch_are_one_row(engine: Engine) -> None:
    first, other, second = make_prediction(), make_prediction("other"), make_prediction()
    answers = record(engine, first, other, second)
    assert [isinstance(answer, Recorded) and answer.prediction.id for answer in answers] == [first.id, other.id, first.id]
    assert count(engine, predictions) == 2


def test_other_content_under_a_key_is_a_conflict_and_harms_nobody_else(engine: Engine) -> None:
    record(engine, make_prediction())
    answers = record(engine, make_prediction(pixels="other"), make_prediction("third"))
    assert isinstance(answers[0], ConflictError)
    assert isinstance(answers[1], Recorded)
    assert count(engine, predictions) == 2


def test_a_batch_that_is_committed_twice_is_stored_once(engine: Engine) -> None:
    batch = [make_prediction(str(number)) for number in range(20)]
    record(engine, *batch)
    again = record(engine, *batch)
    assert [answer.prediction.id for answer in again if isinstance(answer, Recorded)] == [one.id for one in batch]
    assert count(engine, predictions) == 20


def test_a_prediction_of_any_month_finds_its_partition(engine: Engine) -> None:
    moments = [AT - timedelta(days=400), AT, AT + timedelta(days=40)]
    record(engine, *(make_prediction(str(at), at=at) for at in moments))
    assert count(engine, predictions) == 3


def test_concurrent_gateways_with_the_same_films_store_each_once(engine: Engine) -> None:
    def gateway(number: int) -> list[UUID]:
        films = [str(film) for film in range(40)]
        films = films[number * 7 :] + films[: number * 7]
        answers = [record(engine, *(make_prediction(film) for film in films[start : start + 8])) for start in range(0, 40, 8)]
        return sorted(answer.prediction.id for group in answers for answer in group if isinstance(answer, Recorded))

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(gateway, range(4)))
    assert count(engine, predictions) == 40
    assert told == [told[0]] * 4


def test_rows_come_in_columns_with_the_latest_statement(engine: Engine) -> None:
    early, late = make_prediction("a"), make_prediction("b", at=AT + timedelta(minutes=5))
    record(engine, late, early, make_prediction("c", at=AT + timedelta(hours=1)))
    with engine.begin() as connection:
        add_labels(connection, [make_label(early.id, value=0), make_label(early.id, value=1, made_at=AT + timedelta(days=1))])
        rows = rows_between(connection, 1, AT.replace(minute=0), AT.replace(minute=0) + timedelta(hours=1), ["opacity", "cardiomegaly"])
    assert rows.ids == (early.id, late.id)
    assert rows.attributes[0] == early.attributes
    np.testing.assert_array_equal(rows.labels, [[1, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(rows.logits[0], early.scores.logits)
    assert rows.embedding.shape == (2, 4)


def test_an_hour_without_rows_is_empty_columns(engine: Engine) -> None:
    with engine.connect() as connection:
        rows = rows_between(connection, 1, AT, AT + timedelta(hours=1), ["opacity"])
    assert (len(rows), rows.logits.shape, rows.labels.shape) == (0, (0, 1), (0, 1))


def test_a_label_marks_the_hour_of_its_film_once_and_is_kept_once(engine: Engine) -> None:
    prediction = make_prediction()
    record(engine, prediction)
    label = make_label(prediction.id, at=AT + timedelta(days=9))
    with engine.begin() as connection:
        assert [add_labels(connection, [label, label]), add_labels(connection, [label])] == [1, 0]
        assert [one for _, one in labels_of(connection, prediction.id)] == [label]
        hours = list(connection.scalars(select(tally_marks.c.hour).order_by(tally_marks.c.id)))
    assert hours == [AT.replace(minute=0)] * 2


def test_a_label_of_an_unknown_film_is_an_error(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(UnknownPredictionError):
        add_labels(connection, [make_label(uuid7(AT))])


def test_predictions_are_found_by_accession_and_instance(engine: Engine) -> None:
    prediction = make_prediction()
    record(engine, prediction, make_prediction("other"))
    with engine.connect() as connection:
        assert predictions_of(connection, accession=prediction.pseudonyms.accession) == [prediction.id]
        assert predictions_of(connection, instance=prediction.pseudonyms.instance) == [prediction.id]
        assert predictions_of(connection) == []


def test_two_groups_in_one_transaction_do_not_mix(engine: Engine) -> None:
    first, second, again = make_prediction("a"), make_prediction("b"), make_prediction("b")
    with engine.begin() as connection:
        record_batch(connection, [first, second])
        (answer,) = record_batch(connection, [again])
    assert isinstance(answer, Recorded)
    assert (answer.prediction.id, answer.replayed) == (second.id, True)


def test_a_film_that_json_cannot_spell_does_not_fail_its_group(engine: Engine) -> None:
    odd = make_prediction(
        "odd", attributes={"ViewPosition": "P\0A", "StationName": "\ud800", "KVP": float("inf")}, statistics={"mean": float("nan")}
    )
    record(engine, make_prediction("even"), odd)
    with engine.connect() as connection:
        found = find_prediction(connection, odd.id)
    assert found.attributes == {"ViewPosition": "P?A", "StationName": "?", "KVP": None}
    assert found.statistics == {"mean": None}


def test_an_id_that_does_not_carry_its_time_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="received_at"):
        record(engine, make_prediction(id=uuid7(AT + timedelta(microseconds=1))))


def test_a_key_whose_prediction_was_erased_is_a_conflict_and_harms_nobody_else(engine: Engine) -> None:
    record(engine, make_prediction("a"))
    with engine.begin() as connection:
        connection.execute(delete(predictions))
    answers = record(engine, make_prediction("a"), make_prediction("b"))
    assert [type(answer) for answer in answers] == [ConflictError, Recorded]


def test_a_group_that_is_rolled_back_leaves_nothing_and_can_be_sent_again(engine: Engine) -> None:
    prediction = make_prediction()
    with engine.connect() as connection:
        record_batch(connection, [prediction])
        connection.rollback()
        assert count(engine, submissions) == 0
        (answer,) = record_batch(connection, [prediction])
        connection.commit()
    assert answer == Recorded(prediction, replayed=False)
    assert (count(engine, predictions), count(engine, tally_marks)) == (1, 1)


def test_the_hour_that_is_marked_is_that_of_utc(engine: Engine) -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    record(engine, make_prediction(at=AT.astimezone(kolkata)))
    with engine.connect() as connection:
        assert list(connection.scalars(select(tally_marks.c.hour))) == [AT.replace(minute=0)]


def test_a_gateway_that_freezes_in_the_middle_gives_its_keys_back(engine: Engine) -> None:
    with engine.connect() as frozen:
        record_batch(frozen, [make_prediction("a")])
        assert frozen.scalar(text("show idle_in_transaction_session_timeout")) == "10s"
        frozen.rollback()
        assert frozen.scalar(text("show idle_in_transaction_session_timeout")) == "10min"
