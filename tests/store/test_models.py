"""A version is registered once and never changed; one version of a model answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from service.domain import ModelVersion
from service.errors import NoFormerVersionError, PackageError, UnknownModelError
from service.store.models import challengers, champion, champions, promote, register, roll_back, versions, versions_by_id
from service.store.promotions import promotions_of
from tests.store.builders import AT, make_version


def test_the_same_package_again_is_the_same_version(engine: Engine) -> None:
    assert make_version(engine) == make_version(engine)


def test_other_content_needs_another_version(engine: Engine) -> None:
    make_version(engine, sha256="ab")
    with pytest.raises(PackageError, match="new version"):
        make_version(engine, sha256="cd")


def test_a_new_version_answers_and_the_former_one_retires_until_it_is_registered_again(engine: Engine) -> None:
    first, second, other = make_version(engine, "1"), make_version(engine, "2"), make_version(engine, model="hand")
    with engine.connect() as connection:
        assert champion(connection, "chest") == second
        assert champions(connection) == [second, other]
        assert [(one.version, one.state) for one in versions(connection, "chest")] == [("2", "champion"), ("1", "retired")]
        assert set(versions_by_id(connection)) == {first.id, second.id, other.id}
    assert make_version(engine, "1").id == first.id
    with engine.connect() as connection:
        assert champion(connection, "chest").version == "1"


def test_a_model_without_versions_is_unknown(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(UnknownModelError):
        champion(connection, "chest")


def test_versions_that_are_registered_at_once_leave_one_champion(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: make_version(engine, str(number)), range(8)))
    with engine.connect() as connection:
        assert [one.state for one in versions(connection, "chest")].count("champion") == 1
        assert len(versions(connection, "chest")) == 8


def shadow(engine: Engine, version: str) -> ModelVersion:
    with engine.begin() as connection:
        return register(
            connection,
            model="chest",
            version=version,
            manifest={"name": "chest"},
            artifact_sha256="ab",
            package="models/ab",
            at=AT,
            state="shadow",
        )


def test_a_challenger_answers_nobody_until_it_is_promoted(engine: Engine) -> None:
    first, second = make_version(engine, "1"), shadow(engine, "2")
    with engine.begin() as connection:
        assert (champion(connection, "chest"), challengers(connection, "chest")) == (first, [second])
        promoted = promote(connection, second.id, at=AT, actor="owner", reason="passed")
        assert promote(connection, second.id, at=AT, actor="owner", reason="again") == promoted
        assert (champion(connection, "chest").version, challengers(connection)) == ("2", [])
        (last, *_) = promotions_of(connection, "chest")
    assert (last.version, last.former, last.deed, last.reason) == (second.id, first.id, "promoted", "passed")


def test_a_promotion_is_taken_back_once(engine: Engine) -> None:
    make_version(engine, "1")
    second = shadow(engine, "2")
    with engine.begin() as connection, pytest.raises(NoFormerVersionError):
        roll_back(connection, "chest", at=AT, actor="owner", reason="nothing came before")
    with engine.begin() as connection:
        promote(connection, second.id, at=AT, actor="owner", reason="passed")
        assert roll_back(connection, "chest", at=AT, actor="owner", reason="worse at night").version == "1"
        assert champion(connection, "chest").version == "1"
        with pytest.raises(NoFormerVersionError):
            roll_back(connection, "chest", at=AT, actor="owner", reason="again")


def test_who_answers_is_not_made_a_shadow_by_being_registered_as_one(engine: Engine) -> None:
    first = make_version(engine, "1")
    assert shadow(engine, "1") == first


def test_promotions_at_once_leave_one_champion_each_in_the_place_of_the_one_before(engine: Engine) -> None:
    make_version(engine, "0")
    numbers = [shadow(engine, str(number)).id for number in range(1, 5)]

    def lift(number: int) -> None:
        with engine.begin() as connection:
            promote(connection, number, at=AT, actor="owner", reason="passed")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lift, numbers))
    with engine.connect() as connection:
        history = promotions_of(connection, "chest")
        assert [one.former for one in history[:-1]] == [one.version for one in history[1:]]
        assert champion(connection, "chest").id == history[0].version
