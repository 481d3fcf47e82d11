"""The DICOM files that pydicom and pydicom-data ship, found without any download."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pydicom.data
from pydicom import Dataset, dcmread


def _folders() -> Iterator[Path]:
    shipped = Path(pydicom.data.__file__).parent
    yield from (shipped / "test_files", shipped / "charset_files")
    data_store = find_spec("data_store")
    if data_store is not None and data_store.submodule_search_locations:
        yield Path(data_store.submodule_search_locations[0]) / "data"


def shipped_files() -> list[Path]:
    """Every file, DICOM or not, broken or not."""
    return sorted(path for folder in _folders() for path in folder.rglob("*") if path.is_file())


def shipped(name: str) -> Path:
    """The one file of this name."""
    (path,) = [path for path in shipped_files() if path.name == name]
    return path


def as_pydicom_reads(path: Path) -> Dataset:
    """The file through pydicom, our oracle."""
    return dcmread(path, force=True)
