"""The object folder: whole folders by name on anything that fsspec opens."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import fsspec


def put_folder(objects: str, name: str, folder: Path) -> None:
    """Copy the files of a folder to `name` below the object folder; a name that is there is left as it is.

    The last step is one rename where the store knows renames, so no reader meets half a folder.
    """
    store, root = fsspec.url_to_fs(objects)
    target = f"{root.rstrip('/')}/{name}"
    if store.exists(f"{target}/{DONE}"):
        return
    draft = f"{target}.{uuid4().hex}"
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        _put(store, file, f"{draft}/{file.relative_to(folder).as_posix()}")
    with store.open(f"{draft}/{DONE}", "wb") as done:
        done.write(b"complete\n")
    with suppress(FileExistsError, OSError):
        store.mv(draft, target, recursive=True)
    if store.exists(draft):
        store.rm(draft, recursive=True)


def fetch_folder(objects: str, name: str, target: Path) -> Path:
    """Copy a folder of the object folder to a local one that is not there yet.

    Raises:
        FileNotFoundError: The object folder has none of this name.
    """
    if target.exists():
        return target
    store, root = fsspec.url_to_fs(objects)
    source = f"{root.rstrip('/')}/{name}"
    if not store.exists(f"{source}/{DONE}"):
        raise FileNotFoundError("the object folder has no complete package of this name")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    for path in store.find(source):
        file = draft / path.removeprefix(source.lstrip("/") if not path.startswith("/") else source).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        store.get_file(path, str(file))
    try:
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft)
    return target


DONE = ".complete"


def _put(store: fsspec.AbstractFileSystem, file: Path, target: str) -> None:
    store.makedirs(target.rpartition("/")[0], exist_ok=True)
    store.put_file(str(file), target)
