"""Blobs: single objects in the object folder, each named by its own SHA-256, so that what is fetched can be held against its name."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from service.errors import DamagedObjectError


def put_blob(objects: str, kind: str, content: bytes) -> str:
    """Keep an object below the folder `kind`; returns its name. The same content is kept once."""
    digest = hashlib.sha256(content).hexdigest()
    put_named(objects, f"{kind}/{digest}", content)
    return digest


def put_named(objects: str, name: str, content: bytes) -> None:
    """Write an object whole or not at all, in the place of a former one of this name."""
    store, root = fsspec.url_to_fs(objects)
    target = f"{root.rstrip('/')}/{name}"
    if isinstance(store, LocalFileSystem):
        _put_on_disk(Path(target), content)
        return
    store.pipe_file(target, content)  # a bucket shows an object when all of it is there


def fetch_named(objects: str, name: str) -> bytes:
    """An object by its name.

    Raises:
        FileNotFoundError: There is none.
    """
    store, root = fsspec.url_to_fs(objects)
    content: bytes = store.cat_file(f"{root.rstrip('/')}/{name}")
    return content


def fetch_blob(objects: str, kind: str, digest: str) -> bytes:
    """An object that `put_blob` kept.

    Raises:
        FileNotFoundError: There is none.
        DamagedObjectError: It is not the one that was put there.
    """
    content = fetch_named(objects, f"{kind}/{digest}")
    if hashlib.sha256(content).hexdigest() != digest:
        raise DamagedObjectError
    return content


def _put_on_disk(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}-{uuid4().hex}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
