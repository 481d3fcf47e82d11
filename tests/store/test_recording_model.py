"""Whatever comes in whatever order: the store answers as a dictionary of first answers would."""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from service.domain import Prediction, Recorded
from service.store.predictions import record_alone, record_batch
from service.store.tables import predictions, submissions
from tests.store.builders import make_prediction

# A few films under a few contents, in groups: twins meet within a group and across groups; some groups are rolled back,
# some are stored at once.
FILM = st.tuples(st.integers(0, 3), st.sampled_from(["", "other"]))
GROUPS = st.lists(st.tuples(st.lists(FILM, max_size=6), st.sampled_from(["at once", "commit", "roll back"])), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example has keys of its own
@given(groups=GROUPS)
def test_the_store_answers_as_a_dictionary_of_first_answers(engine: Engine, groups: list[tuple[list[tuple[int, str]], str]]) -> None:
    example, known = uuid4().hex, dict[bytes, Prediction]()
    before = counts(engine)
    for films, way in groups:
        batch = [make_prediction(f"{example} {film}", pixels=pixels) for film, pixels in films]
        owners = dict(known)
        expected = [expect(owners, prediction) for prediction in batch]
        with engine.connect() as connection:
            answers = (record_alone if way == "at once" else record_batch)(connection, batch)
            if way != "roll back":
                connection.commit()
                known = owners
        assert [told(answer) for answer in answers] == expected
    assert counts(engine) == tuple(count + len(known) for count in before)


def expect(owners: dict[bytes, Prediction], prediction: Prediction) -> tuple[UUID, bool] | None:
    owner = owners.setdefault(prediction.key, prediction)
    return (owner.id, owner is not prediction) if owner.content == prediction.content else None


def told(answer: object) -> tuple[UUID, bool] | None:
    return (answer.prediction.id, answer.replayed) if isinstance(answer, Recorded) else None


def counts(engine: Engine) -> tuple[int, ...]:
    with engine.connect() as connection:
        return tuple(connection.scalar(select(func.count()).select_from(table)) or 0 for table in (predictions, submissions))
