"""The books: what was answered, what was not, and what was said about it."""

from __future__ import annotations

from sqlalchemy import Engine, select

from service.domain import Outcome, Refusal
from service.store.ids import uuid7
from service.store.labels import add_labels
from service.store.ledger import LedgerCounts, ModelCounts, ledger_counts, model_counts
from service.store.predictions import record_batch
from service.store.refusals import record_refusals
from service.store.tables import refusals
from tests.store.builders import AT, make_label, make_prediction, make_version


def make_refusal(*, model: str = "chest", outcome: Outcome = Outcome.REFUSED) -> Refusal:
    return Refusal(uuid7(AT), AT, model, "main", "pacs", outcome, "undecodable", 400, 17)


def test_the_books_count_every_answer_key_refusal_and_label(engine: Engine) -> None:
    chest, hand = make_version(engine), make_version(engine, model="hand")
    films = [make_prediction(str(film), model_version=chest.id) for film in range(3)]
    with engine.begin() as connection:
        record_batch(connection, [*films, make_prediction("0", model_version=chest.id)])
        add_labels(connection, [make_label(films[0].id), make_label(films[0].id, value=0)])
        record_refusals(connection, [make_refusal(), make_refusal(), make_refusal(outcome=Outcome.FAILED)])
        record_refusals(connection, [])
        assert ledger_counts(connection) == LedgerCounts(predictions=3, submissions=3, refused=2, failed=1)
        assert model_counts(connection) == [
            ModelCounts("chest", "1", predictions=3, labels=2),
            ModelCounts("hand", hand.version, predictions=0, labels=0),
        ]


def test_a_refusal_is_stored_whatever_the_caller_called_himself(engine: Engine) -> None:
    with engine.begin() as connection:
        record_refusals(connection, [make_refusal(model="\0\ud800" + "x" * 10_000)])
        (model,) = connection.scalars(select(refusals.c.model))
    assert model == "??" + "x" * 198
