"""A package lies in the object folder whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.store.objects import fetch_folder, put_folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "more").mkdir(parents=True)
    (folder / "model.toml").write_text("name")
    (folder / "more" / "weights").write_bytes(b"\x00" * 1000)
    return folder


@pytest.mark.parametrize("spelling", ["{}/objects", "file://{}/objects"])
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


def test_a_package_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetch_folder(str(tmp_path), "models/none", tmp_path / "cache")
