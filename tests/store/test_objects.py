"""A package lies in the object folder whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from service.errors import PackageError
from service.store.objects import fetch_folder, put_folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "more").mkdir(parents=True)
    (folder / "model.toml").write_text("name")
    (folder / "more" / "weights").write_bytes(b"\x00" * 1000)
    return folder


@pytest.mark.parametrize("spelling", ["{}/objects", "file://{}/objects", "memory://{}/objects"])
def test_a_folder_comes_back_as_it_was_put(package: Path, tmp_path: Path, spelling: str) -> None:
    objects = spelling.format(tmp_path)
    put_folder(objects, "models/ab", package)
    fetched = fetch_folder(objects, "models/ab", tmp_path / "cache" / "ab")
    assert (fetched / "model.toml").read_text() == "name"
    assert (fetched / "more" / "weights").read_bytes() == b"\x00" * 1000
    assert fetch_folder(objects, "models/ab", tmp_path / "cache" / "ab") == fetched


def test_many_writers_of_one_package_leave_one(package: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: put_folder(str(tmp_path / "objects"), "models/ab", package), range(8)))
    assert [path.name for path in (tmp_path / "objects" / "models").iterdir()] == ["ab"]


def test_a_package_that_changed_in_the_object_folder_is_an_error_and_leaves_nothing(package: Path, tmp_path: Path) -> None:
    put_folder(str(tmp_path / "objects"), "models/ab", package)
    (tmp_path / "objects" / "models" / "ab" / "model.toml").write_text("other")
    with pytest.raises(PackageError):
        fetch_folder(str(tmp_path / "objects"), "models/ab", tmp_path / "cache" / "ab")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_package_without_its_index_is_not_there_yet_and_can_be_put_again(package: Path, tmp_path: Path) -> None:
    objects = f"memory://{tmp_path}/objects"
    put_folder(objects, "models/ab", package)
    store, root = fsspec.url_to_fs(objects)
    store.rm_file(f"{root}/models/ab/.index.json")
    with pytest.raises(FileNotFoundError):
        fetch_folder(objects, "models/ab", tmp_path / "cache" / "ab")
    put_folder(objects, "models/ab", package)
    assert (fetch_folder(objects, "models/ab", tmp_path / "cache" / "ab") / "model.toml").read_text() == "name"


def test_a_package_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetch_folder(str(tmp_path), "models/none", tmp_path / "cache")
