"""A registered version is what it was when it was registered, wherever it is opened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, update

from service.errors import PackageError, UnknownModelError
from service.models.loading import load_package
from service.models.registry import open_model, register_package
from service.store.models import champion, versions
from service.store.tables import model_versions
from tests.models.packages import FILES, SIDE, convnet, make_package

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
FILMS = np.ones((2, 1, SIDE, SIDE), np.float32)


@pytest.fixture
def objects(tmp_path: Path) -> str:
    return str(tmp_path / "objects")


def test_what_is_registered_answers_as_the_package_did(engine: Engine, objects: str, tmp_path: Path) -> None:
    package = make_package(tmp_path / "package")
    version = register_package(engine, objects, package, at=MONDAY)
    expected = load_package(package)(FILMS)
    (package / FILES["safetensors"]).unlink()
    with engine.connect() as connection:
        assert champion(connection, "chest") == version
    model = open_model(objects, version)
    np.testing.assert_array_equal(model(FILMS)[0], expected[0])
    assert model.manifest.as_json() == version.manifest
    assert (version.model, version.version, version.state, version.registered_at) == ("chest", "1", "champion", MONDAY)


def test_the_same_package_again_is_the_same_version(engine: Engine, objects: str, tmp_path: Path) -> None:
    first = register_package(engine, objects, make_package(tmp_path / "package"), at=MONDAY)
    assert register_package(engine, objects, tmp_path / "package", at=datetime(2026, 3, 3, tzinfo=UTC)) == first


def test_what_an_earlier_release_registered_is_the_same_version_though_manifests_have_new_keys(
    engine: Engine, objects: str, tmp_path: Path
) -> None:
    first = register_package(engine, objects, make_package(tmp_path / "package"), at=MONDAY)
    earlier = {key: value for key, value in first.manifest.items() if key != "remedies"}
    with engine.begin() as connection:
        connection.execute(update(model_versions).values(manifest=earlier))
    assert register_package(engine, objects, tmp_path / "package", at=MONDAY) == replace(first, manifest=earlier)


@pytest.mark.parametrize(
    "change", [{"module": convnet(seed=9)}, {"findings": [{"name": "opacity", "threshold": 0.9}, {"name": "effusion"}]}]
)
def test_other_content_under_the_same_version_is_refused_and_changes_nothing(
    engine: Engine, objects: str, tmp_path: Path, change: dict[str, object]
) -> None:
    first = register_package(engine, objects, make_package(tmp_path / "first"), at=MONDAY)
    with pytest.raises(PackageError, match="new version"):
        register_package(engine, objects, make_package(tmp_path / "second", **change), at=MONDAY)  # type: ignore[arg-type]  # any keyword
    with engine.connect() as connection:
        assert versions(connection, "chest") == [first]
    assert [path.name for path in Path(objects).rglob("model.toml")] == ["model.toml"]


def test_a_new_version_takes_over_and_the_old_one_can_still_be_opened(engine: Engine, objects: str, tmp_path: Path) -> None:
    first = register_package(engine, objects, make_package(tmp_path / "first"), at=MONDAY)
    second = register_package(engine, objects, make_package(tmp_path / "second", module=convnet(seed=9), version="2"), at=MONDAY)
    with engine.connect() as connection:
        assert champion(connection, "chest") == second
        assert [version.state for version in versions(connection, "chest")] == ["champion", "retired"]
    assert np.abs(open_model(objects, first)(FILMS)[0] - open_model(objects, second)(FILMS)[0]).max() > 1e-3


def test_a_package_that_is_not_valid_leaves_no_trace(engine: Engine, objects: str, tmp_path: Path) -> None:
    with pytest.raises(PackageError):
        register_package(engine, objects, make_package(tmp_path / "package", data=b"no weights"), at=MONDAY)
    with engine.connect() as connection, pytest.raises(UnknownModelError):
        champion(connection, "chest")
    assert not Path(objects).exists()


def test_an_artifact_that_was_exchanged_in_the_object_folder_is_refused(engine: Engine, objects: str, tmp_path: Path) -> None:
    version = register_package(engine, objects, make_package(tmp_path / "package"), at=MONDAY)
    make_package(Path(objects) / version.package, module=convnet(seed=9))
    with pytest.raises(PackageError, match="not the one"):
        open_model(objects, version)


def test_a_package_that_is_gone_is_an_error(engine: Engine, objects: str, tmp_path: Path) -> None:
    version = register_package(engine, objects, make_package(tmp_path / "package"), at=MONDAY)
    with pytest.raises(PackageError, match="object folder"):
        open_model(objects, replace(version, package="models/chest/none"))
