"""Kept instances: films that lie in the object folder for retraining, as the model saw them; and objects whose row is gone, until they go too."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Final
from uuid import UUID

import fsspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ARRAY, Connection, Uuid, any_, delete, literal, select, update

from service.errors import DamagedObjectError
from service.store.drivers import driver_cursor
from service.store.erasures import LOCK
from service.store.ids import time_of
from service.store.locks import key_of
from service.store.tables import doomed_objects, kept_instances

INPUT: Final = "input"
LATE: Final = timedelta(minutes=10)
"""How long a doomed object stays: whoever is just writing it finds its row gone, and removes it himself."""
SWEPT: Final = 1000
SHARED: Final = "select pg_advisory_xact_lock_shared(%s)"
ANNOUNCE: Final = """
insert into kept_instances (prediction, name, kind, kept_at)
select %b, %b, %b, %b where exists (select from predictions where id = %b) on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a film lies. sha256: of the object."""

    name: str
    sha256: bytes


def name_of(prediction: UUID) -> str:
    """Where a film lies below the object folder: by the day on which it came."""
    return f"instances/{time_of(prediction):%Y/%m/%d}/{prediction}"


def packed(film: NDArray[np.float32]) -> bytes:
    """A model's input [1, rows, columns] as an object: half precision, deflated. No header comes with it."""
    buffer = BytesIO()
    np.save(buffer, film.astype(np.float16), allow_pickle=False)
    return zlib.compress(buffer.getvalue(), 1)


def unpacked(content: bytes) -> NDArray[np.float32]:
    """What was packed.

    Raises:
        DamagedObjectError: This is none.
    """
    try:
        film: NDArray[np.float32] = np.load(BytesIO(zlib.decompress(content)), allow_pickle=False).astype(np.float32)
    except (zlib.error, ValueError, EOFError):
        raise DamagedObjectError from None
    return film


def announce(connection: Connection, predictions: Sequence[UUID], at: datetime) -> None:
    """Say which films are about to be kept; one that is not recorded, or was erased, is passed over."""
    with driver_cursor(connection) as cursor:
        cursor.execute(SHARED, (key_of(LOCK),))
        cursor.executemany(ANNOUNCE, [(one, name_of(one), INPUT, at, one) for one in predictions])


def announced(connection: Connection, predictions: Sequence[UUID]) -> set[UUID]:
    """Those of these films that are to be kept."""
    query = select(kept_instances.c.prediction).where(kept_instances.c.prediction == any_(literal(list(predictions), ARRAY(Uuid))))
    return set(connection.scalars(query))


def confirm(connection: Connection, prediction: UUID, content: bytes, sha256: bytes) -> bool:
    """Say that a film lies there; false where it was erased meanwhile: then the object must go again."""
    mine = kept_instances.c.prediction == prediction
    return connection.execute(update(kept_instances).where(mine).values(sha256=sha256, bytes=len(content))).rowcount == 1


def kept_among(connection: Connection, predictions: Sequence[UUID]) -> Mapping[UUID, Kept]:
    """Where these films lie, of those that are kept."""
    query = select(kept_instances.c.prediction, kept_instances.c.name, kept_instances.c.sha256)
    mine = kept_instances.c.prediction == any_(literal(list(predictions), ARRAY(Uuid)))
    rows = connection.execute(query.where(mine, kept_instances.c.sha256.is_not(None)))
    return {prediction: Kept(name, sha256) for prediction, name, sha256 in rows}


def forget_instances(connection: Connection, before: datetime) -> int:
    """Keep no film any more that was kept before that moment; how many they were. The objects go with `sweep_objects`."""
    return connection.execute(delete(kept_instances).where(kept_instances.c.kept_at < before)).rowcount


def sweep_objects(connection: Connection, objects: str, now: datetime) -> int:
    """Remove the objects of films whose rows went some minutes ago; how many."""
    query = select(doomed_objects.c.name).where(doomed_objects.c.doomed_at < now - LATE).limit(SWEPT)
    names = list(connection.scalars(query.with_for_update(skip_locked=True)))
    for name in names:
        remove_object(objects, name)
    if names:
        connection.execute(delete(doomed_objects).where(doomed_objects.c.name.in_(names)))
    return len(names)


def remove_object(objects: str, name: str) -> None:
    """Remove an object, if it is there."""
    store, root = fsspec.url_to_fs(objects)
    path = f"{root.rstrip('/')}/{name}"
    if store.exists(path):
        store.rm_file(path)
