"""What counts of what was stated, whoever said it, in whatever order it came, before or after the film."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import Engine, Table, func, select, text

from detectors.readers import soft_label
from service.domain import Assessment, Label, Prediction, Tier
from service.store.labels import add_labels, labels_of
from service.store.models import register
from service.store.predictions import record_batch
from service.store.rows import Rows, rows_between
from service.store.statements import Fate, Statement, Subject, adopt, state
from service.store.tables import labels, tally_marks, waiting_labels
from tests.store.builders import AT, make_label, make_prediction

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DOE, ROE, POE = (bytes([number]) * 16 for number in (1, 2, 3))


@pytest.fixture
def film(engine: Engine) -> Prediction:
    return send(engine, make_prediction())


def send(engine: Engine, film: Prediction) -> Prediction:
    with engine.begin() as connection:
        record_batch(connection, [film])
    return film


def make_model(engine: Engine, model: str = "chest", **finding: object) -> None:
    with engine.begin() as connection:
        register(
            connection,
            model=model,
            version="1",
            manifest={"name": model, "findings": [{"name": "opacity", **finding}, {"name": "effusion"}]},
            artifact_sha256="ab",
            package=f"models/{model}",
            at=AT,
        )


def rows(engine: Engine, **changes: Any) -> Rows:
    with engine.connect() as connection:
        return rows_between(connection, 1, AT - HOUR, AT + HOUR, ["opacity", "effusion"], **changes)


def truth(engine: Engine, *stated: Label, **changes: Any) -> float:
    with engine.begin() as connection:
        add_labels(connection, stated)
    return float(rows(engine, **changes).labels[0, 0])


def make_statement(subject: Subject, **changes: Any) -> Statement:
    return replace(Statement(subject, "opacity", 1.0, "report", Tier.REPORT, None, AT), **changes)


def told(engine: Engine, *statements: Statement) -> tuple[int, tuple[Fate, ...]]:
    with engine.begin() as connection:
        stated = state(connection, statements, AT + DAY)
    return stated.added, stated.fates


def count(engine: Engine, table: Table) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def test_pathology_outranks_a_later_report(engine: Engine, film: Prediction) -> None:
    report = make_label(film.id, value=0.0, made_at=AT + DAY)
    assert truth(engine, make_label(film.id, value=1.0, source="pathology", tier=Tier.PATHOLOGY), report) == 1.0


def test_a_plan_may_trust_another_order(engine: Engine, film: Prediction) -> None:
    stated = make_label(film.id, value=1.0, tier=Tier.PATHOLOGY), make_label(film.id, value=0.0, tier=Tier.READ)
    assert truth(engine, *stated, tiers=["read", "pathology"]) == 0.0
    assert np.isnan(rows(engine, tiers=["panel"]).labels[0, 0])


def test_a_reader_who_changes_its_mind_counts_as_it_is_now(engine: Engine, film: Prediction) -> None:
    first = make_label(film.id, value=1.0, reader=DOE, tier=Tier.READ)
    assert truth(engine, first, replace(first, value=0.0, made_at=AT + DAY)) == 0.0


def test_a_reader_who_cannot_say_takes_back_what_it_said(engine: Engine, film: Prediction) -> None:
    first = make_label(film.id, value=1.0, reader=DOE, tier=Tier.READ)
    unsure = replace(first, value=None, made_at=AT + DAY)
    assert np.isnan(truth(engine, first, unsure))
    assert truth(engine, make_label(film.id, value=0.0)) == 0.0


def test_a_named_statement_gives_way_to_the_one_that_names_it(engine: Engine, film: Prediction) -> None:
    assert truth(engine, make_label(film.id, value=1.0, tier=Tier.PANEL)) == 1.0
    with engine.connect() as connection:
        ((identifier, _),) = labels_of(connection, film.id)
    assert truth(engine, make_label(film.id, value=0.0, tier=Tier.READ, supersedes=identifier)) == 0.0
    with engine.connect() as connection:
        assert len(labels_of(connection, film.id)) == 2


def test_another_film_cannot_take_a_statement_away(engine: Engine, film: Prediction) -> None:
    other = send(engine, make_prediction("other", at=AT + timedelta(minutes=1)))
    assert truth(engine, make_label(film.id, value=1.0, tier=Tier.PANEL)) == 1.0
    with engine.connect() as connection:
        ((identifier, _),) = labels_of(connection, film.id)
    assert truth(engine, make_label(other.id, value=0.0, supersedes=identifier)) == 1.0


def test_several_readers_make_a_soft_label_and_pairs(engine: Engine, film: Prediction) -> None:
    votes = [make_label(film.id, value=value, reader=reader, tier=Tier.READ) for value, reader in ((1.0, DOE), (1.0, ROE), (0.0, POE))]
    assert truth(engine, *votes) == pytest.approx(soft_label([1, 1, 0]))
    assert rows(engine).pairs[0, 0].tolist() == [1, 2, 0]


def test_the_order_of_arrival_changes_nothing(engine: Engine, film: Prediction) -> None:
    stated = [
        make_label(film.id, value=1.0, reader=DOE, tier=Tier.READ),
        make_label(film.id, value=0.0, reader=DOE, tier=Tier.READ),
        make_label(film.id, value=1.0, reader=ROE, tier=Tier.READ, made_at=AT + DAY),
        make_label(film.id, value=0.0, reader=ROE, tier=Tier.READ),
    ]
    for order in permutations(range(4)):
        with engine.begin() as connection:
            connection.execute(labels.delete())
        arrived = [replace(stated[place], received_at=AT + number * HOUR) for number, place in enumerate(order)]
        assert truth(engine, *arrived) == pytest.approx(soft_label([0.5, 1.0]))


def test_a_read_that_was_asked_for_weighs_one_over_its_probability(engine: Engine, film: Prediction) -> None:
    with engine.begin() as connection:
        statement = "insert into asked_reads values (:film, 1, 0.05, 'floor', 7, :at)"
        connection.execute(text(statement), {"film": film.id, "at": AT})
    truth(engine, make_label(film.id, asked=True, reader=DOE, tier=Tier.READ))
    assert rows(engine).weights[0, 0] == pytest.approx(20.0)
    truth(engine, make_label(film.id, source="ris"))
    assert rows(engine).weights[0, 0] == 1.0


def test_a_delay_runs_from_the_film_to_the_first_label(engine: Engine, film: Prediction) -> None:
    late = make_label(film.id, received_at=film.received_at + 9 * DAY, made_at=AT + DAY)
    truth(engine, make_label(film.id, received_at=film.received_at + 3 * DAY), late)
    assert rows(engine).delays[0, 0] == pytest.approx(3.0)


def test_an_assessment_follows_or_reverses_the_decision(engine: Engine) -> None:
    make_model(engine, threshold=0.4)
    for number, (assessment, logit, value) in enumerate(
        [
            (Assessment.ACCEPTED, 1.0, 1.0),
            (Assessment.ACCEPTED, -1.0, 0.0),
            (Assessment.REJECTED, 1.0, 0.0),
            (Assessment.REJECTED, -1.0, 1.0),
            (Assessment.SUPPLEMENTED, -1.0, 1.0),
        ]
    ):
        film = make_prediction(f"film {number}", at=AT + timedelta(minutes=number))
        send(engine, replace(film, scores=replace(film.scores, logits=np.array([logit, 0.0], dtype=np.float32))))
        assert told(engine, make_statement(Subject(prediction=film.id), value=None, assessment=assessment)) == (1, (Fate.STORED,))
        assert rows(engine).labels[number, 0] == value


def test_every_statement_of_a_batch_has_its_own_fate(engine: Engine, film: Prediction) -> None:
    make_model(engine)
    names = film.pseudonyms
    assert told(
        engine,
        make_statement(Subject(accession=names.accession)),
        make_statement(Subject(study=names.study), finding="effusion"),
        make_statement(Subject(instance=names.instance), finding="fracture"),
        make_statement(Subject(prediction=UUID(int=0))),
        make_statement(Subject(accession=b"unheard of")),
        make_statement(Subject(accession=b"unheard of"), finding="fracture"),
        make_statement(Subject(accession=b"unheard of", model="knee")),
    ) == (
        2,
        (
            Fate.STORED,
            Fate.STORED,
            Fate.UNKNOWN_FINDING,
            Fate.UNKNOWN_PREDICTION,
            Fate.WAITING,
            Fate.UNKNOWN_FINDING,
            Fate.UNKNOWN_MODEL,
        ),
    )
    assert count(engine, labels) == 2


def test_a_label_waits_for_its_film_and_is_counted_once(engine: Engine) -> None:
    make_model(engine)
    late = make_prediction("late")
    statement = make_statement(Subject(accession=late.pseudonyms.accession))
    assert [told(engine, statement)[1] for _ in range(2)] == [(Fate.WAITING,)] * 2
    with engine.begin() as connection:
        assert adopt(connection) == 0
    send(engine, late)
    with engine.begin() as connection:
        assert (adopt(connection), adopt(connection)) == (1, 0)
    assert (count(engine, labels), count(engine, waiting_labels)) == (1, 0)
    assert told(engine, statement) == (0, (Fate.STORED,))
    assert count(engine, tally_marks) == 2
    assert rows(engine).delays[0, 0] == pytest.approx(1.0, abs=0.01)


def test_a_film_of_another_model_leaves_a_label_waiting(engine: Engine) -> None:
    for model in ("chest", "knee"):
        make_model(engine, model)
    film = make_prediction()
    told(engine, make_statement(Subject(accession=film.pseudonyms.accession, model="knee")))
    send(engine, film)
    with engine.begin() as connection:
        assert adopt(connection) == 0
    assert count(engine, waiting_labels) == 1


def test_a_statement_is_one_row_however_it_names_its_film(engine: Engine, film: Prediction) -> None:
    make_model(engine)
    by_name = [Subject(prediction=film.id), Subject(accession=film.pseudonyms.accession), Subject(instance=film.pseudonyms.instance)]
    assert told(engine, *(make_statement(subject) for subject in by_name)) == (1, (Fate.STORED,) * 3)
    assert told(engine, make_statement(Subject(prediction=uuid4()))) == (0, (Fate.UNKNOWN_PREDICTION,))
