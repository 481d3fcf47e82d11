"""Manifests of all versions, by their id: a version never changes, so each is read once."""

from __future__ import annotations

from sqlalchemy import Connection

from service.models.manifest import Manifest, parse_manifest
from service.store.models import versions_by_id


class Versions:
    """What predictions of any version mean, also of those that are not in service any more."""

    def __init__(self) -> None:
        self._manifests: dict[int, Manifest] = {}

    def manifest_of(self, connection: Connection, version: int) -> Manifest:
        """The manifest of a version that a stored prediction names."""
        if version not in self._manifests:
            for identifier, stored in versions_by_id(connection).items():
                if identifier not in self._manifests:
                    self._manifests[identifier] = parse_manifest(stored.manifest)
        return self._manifests[version]
