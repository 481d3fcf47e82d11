"""Spooled: which predictions lie in the spool, and where, so that the same film sent again gets its first answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from service.domain import Prediction
from service.gateway.entry import read_entry
from service.gateway.segment import scan
from service.gateway.shelf import Place
from service.store.claims import keys_of


@dataclass(frozen=True, slots=True)
class Spooled:
    """A prediction that lies in the spool."""

    id: UUID
    content: bytes
    place: Place


class Index:
    """What lies in the spool, by key and by id: the same film sent again gets its first answer. Guarded by whoever uses it."""

    def __init__(self) -> None:
        self.by_key: dict[bytes, Spooled] = {}
        self.by_id: dict[UUID, Spooled] = {}
        self._keys: dict[Path, list[bytes]] = {}
        self._ids: dict[Path, list[UUID]] = {}

    def add(self, prediction: Prediction, place: Place) -> None:
        """Remember a prediction; under a key that is taken the first stays."""
        one = Spooled(prediction.id, prediction.content, place)
        for key in keys_of(prediction):
            if self.by_key.setdefault(key, one) is one:
                self._keys.setdefault(place.segment, []).append(key)
        self.by_id[prediction.id] = one
        self._ids.setdefault(place.segment, []).append(prediction.id)

    def earlier(self, prediction: Prediction) -> Spooled | None:
        return next((found for key in keys_of(prediction) if (found := self.by_key.get(key)) is not None), None)

    def forget(self, segment: Path) -> None:
        for key in self._keys.pop(segment, ()):
            self.by_key.pop(key, None)
        for identifier in self._ids.pop(segment, ()):
            self.by_id.pop(identifier, None)


def read_at(place: Place) -> Prediction | None:
    """The prediction that lies at a place; None when it has been drained meanwhile."""
    try:
        with place.segment.open("rb") as file:
            file.seek(place.begin)
            records = scan(file.read(place.end - place.begin)).records
    except FileNotFoundError:
        return None
    entry = read_entry(records[0].payload) if records else None
    return entry if isinstance(entry, Prediction) else None
