"""The object folder: whole folders by name on anything that fsspec opens.

The last file of a folder is its index: the SHA-256 of every other. Without it a folder is not there yet, and what is fetched is held
against it. So no reader takes half a folder for a whole one, on a local disk or in a bucket, and two writers of one name do no harm.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import fsspec
from fsspec.implementations.local import LocalFileSystem

from service.errors import PackageError

INDEX = ".index.json"


def put_folder(objects: str, name: str, folder: Path) -> None:
    """Copy the files of a folder to `name` below the object folder; a name that is there is left as it is."""
    store, root = fsspec.url_to_fs(objects)
    target = f"{root.rstrip('/')}/{name}"
    if store.exists(f"{target}/{INDEX}"):
        return
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    index = json.dumps({file.as_posix(): _digest(folder / file) for file in files}, indent=1).encode()
    if isinstance(store, LocalFileSystem):
        _put_on_disk(Path(target), folder, files, index)
        return
    for file in files:
        store.put_file(str(folder / file), f"{target}/{file.as_posix()}")
    store.pipe_file(f"{target}/{INDEX}", index)


def fetch_folder(objects: str, name: str, target: Path) -> Path:
    """Copy a folder of the object folder to a local one; one that is there already is whole and is left as it is.

    Raises:
        FileNotFoundError: The object folder has no whole folder of this name.
        PackageError: A file is not the one that was put.
    """
    if target.exists():
        return target
    store, root = fsspec.url_to_fs(objects)
    source = f"{root.rstrip('/')}/{name}"
    index: dict[str, str] = json.loads(store.cat_file(f"{source}/{INDEX}"))
    with _draft_of(target) as draft:
        for file, digest in index.items():
            copy = draft / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            store.get_file(f"{source}/{file}", str(copy))
            if _digest(copy) != digest:
                raise PackageError("A file in the object folder is not the one that was put there.")
    return target


def _put_on_disk(target: Path, folder: Path, files: list[Path], index: bytes) -> None:
    with _draft_of(target) as draft:
        for file in files:
            (draft / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / file, draft / file)
            _sync(draft / file)
        (draft / INDEX).write_bytes(index)
        _sync(draft / INDEX)


@contextmanager
def _draft_of(target: Path) -> Iterator[Path]:
    """A folder beside `target` that becomes `target` when all went well, unless another process was faster."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    draft.chmod(0o755)
    try:
        yield draft
        draft.rename(target)
        _sync(target.parent)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
