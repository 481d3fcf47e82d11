"""Archive: days of a model version as Parquet on anything that fsspec opens, each under a manifest that names its files by their SHA-256.

    ARCHIVE/MODEL/VERSION/YYYY-MM-DD/<sha256>.parquet    predictions, and the statements about them
    ARCHIVE/MODEL/VERSION/YYYY-MM-DD/<sha256>.json       the manifest: the store's table archive_days says which one is in force

So a day is written beside what was there, comes into force with a transaction, and what is out of force is swept away after it.

Nothing is in the files that is not in the rows: pseudonyms, attributes, scores, no pixels. A month of the store is dropped only when each
of its days was read back from here and says what the store says. What is erased leaves a tombstone, by which readers skip it at once, and
goes from the files when they are written anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import fsspec
from sqlalchemy import Connection

from service.domain import ModelVersion
from service.errors import DamagedObjectError
from service.store import archived
from service.store.archived import ArchivedDay, Stamp
from service.store.blobs import fetch_named, put_named
from service.store.parquet import Reading, Table, content_of, lies_in, opened, read_day, written

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Archive:
    """Where it lies, as an fsspec URL or a path."""

    place: str

    def write(self, connection: Connection, version: ModelVersion, day: date, reading: Reading, at: datetime) -> int:
        """Write a day as the store has it; how many predictions it has. In a transaction that reads one snapshot; `sweep` after it."""
        stamp = archived.stamp_of(connection, version.id, day)
        tables = read_day(connection, version.id, day, reading)
        archived.save_day(connection, self._put(version, day, tables, stamp), at)
        return len(tables["predictions"])

    def read(self, version: ModelVersion, day: date, manifest: str) -> dict[str, Table]:
        """The files of a day, held against the manifest and this against its own SHA-256.

        Raises:
            DamagedObjectError: Something is not what was written, or not there.
        """
        folder = self._folder(version, day)
        try:
            told = fetch_named(self.place, f"{folder}/{manifest}.json")
            if hashlib.sha256(told).hexdigest() != manifest:
                raise DamagedObjectError
            files: Mapping[str, Mapping[str, Any]] = json.loads(told)["files"]
            contents = {name: fetch_named(self.place, f"{folder}/{file['sha256']}.parquet") for name, file in files.items()}
        except FileNotFoundError:
            raise DamagedObjectError("A file of the archive is not there.") from None
        if any(hashlib.sha256(contents[name]).hexdigest() != file["sha256"] for name, file in files.items()):
            raise DamagedObjectError
        return {name: opened(content) for name, content in contents.items()}

    def holds(self, connection: Connection, version: ModelVersion, day: date, reading: Reading) -> bool:
        """Whether a day was written, can be read back, and says what the store says now."""
        known = archived.find_day(connection, version.id, day)
        if known is None:
            return False
        try:
            there = content_of(self.read(version, day, known.manifest))
        except DamagedObjectError:
            return False
        return there == known.content == content_of(read_day(connection, version.id, day, reading))

    def without(self, connection: Connection, version: ModelVersion, day: date, pseudonyms: Mapping[str, set[bytes]], at: datetime) -> int:
        """Write a day anew without the rows of these pseudonyms; how many went. `sweep` after the transaction."""
        known = archived.find_day(connection, version.id, day)
        if known is None:
            return 0
        tables = self.read(version, day, known.manifest)
        gone = lies_in(tables["predictions"], pseudonyms)
        if not gone.any():
            return 0
        kept, erased = tables["predictions"].filter(~gone), set(tables["predictions"].filter(gone)["id"].to_pylist())
        stated = tables["labels"].filter([one not in erased for one in tables["labels"]["prediction"].to_pylist()])
        stamp = Stamp(len(kept), len(stated), known.stamp.latest)
        archived.save_day(connection, self._put(version, day, {"predictions": kept, "labels": stated}, stamp), at)
        return int(gone.sum())

    def _put(self, version: ModelVersion, day: date, tables: Mapping[str, Table], stamp: Stamp) -> ArchivedDay:
        folder, content = self._folder(version, day), content_of(tables)
        files: dict[str, dict[str, object]] = {}
        for name, table in tables.items():
            packed = written(table)
            sha256 = hashlib.sha256(packed).hexdigest()
            put_named(self.place, f"{folder}/{sha256}.parquet", packed)
            files[name] = {"sha256": sha256, "rows": len(table), "bytes": len(packed)}
        said = {"format": FORMAT, "model": version.model, "version": version.version, "artifact_sha256": version.artifact_sha256}
        manifest = json.dumps({**said, "day": day.isoformat(), "content_sha256": content.hex(), "files": files}, indent=1).encode()
        name = hashlib.sha256(manifest).hexdigest()
        put_named(self.place, f"{folder}/{name}.json", manifest)
        return ArchivedDay(version.id, day, stamp, content, name)

    def sweep(self, version: ModelVersion, day: date, manifest: str) -> None:
        """Remove what the manifest in force does not name: what was erased must not lie on beside it."""
        folder = self._folder(version, day)
        files = json.loads(fetch_named(self.place, f"{folder}/{manifest}.json"))["files"].values()
        kept = {f"{manifest}.json", *(f"{file['sha256']}.parquet" for file in files)}
        store, root = fsspec.url_to_fs(self.place)
        for path in store.ls(f"{root.rstrip('/')}/{folder}", detail=False):
            if str(path).rpartition("/")[2] not in kept:
                store.rm_file(path)

    def _folder(self, version: ModelVersion, day: date) -> str:
        return f"{version.model}/{version.version}/{day.isoformat()}"
