"""A version is registered once and never changed; one version of a model answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from service.errors import PackageError, UnknownModelError
from service.store.models import champion, champions, versions, versions_by_id
from tests.store.builders import make_version


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
