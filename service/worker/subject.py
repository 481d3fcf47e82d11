"""Subject: one model version under watch, with the reference that it is compared to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import Connection

from detectors.reference import REFERENCES_HELD, Reference
from service.domain import ModelVersion
from service.models.manifest import Manifest, parse_manifest
from service.store import references
from service.store.rows import BOTH, Door
from service.worker.calendar import ceil_day, day_of


@dataclass(frozen=True, slots=True)
class Subject:
    """What a pass works on. `until` ends the reference's period: everything later is compared to it."""

    version: ModelVersion
    manifest: Manifest
    reference_id: int
    reference: Reference
    until: datetime

    @property
    def maturity_days(self) -> int:
        """Age at which the labels of a day are judged."""
        return self.reference.plan.label_maturity_days

    @property
    def first_day(self) -> date:
        """The first whole day after the reference's period: the first one that is judged."""
        return day_of(ceil_day(self.until))

    @property
    def doors(self) -> tuple[Door, ...]:
        """The predictions that can be compared to the reference.

        It knows films or tensors, see reference.py. Where it counts nothing but scores and embedding, that is no difference.
        """
        schema, plan = self.reference.schema, self.reference.plan
        if not (plan.numeric or plan.categorical):
            return BOTH
        said = any(schema.numeric[name].low is not None for name in plan.numeric) or any(
            schema.categorical[name].counted for name in plan.categorical
        )
        return (Door.FILM,) if said else (Door.TENSOR,)


def lock_of(version: ModelVersion) -> str:
    """Name the lock that whoever works on a model version holds."""
    return f"watch {version.id}"


def subject_of(connection: Connection, version: ModelVersion) -> Subject | None:
    """Load a version with its active reference; None where it has none yet."""
    stored = references.active_reference(connection, version.id)
    return None if stored is None else subject_with(version, stored)


def subject_with(version: ModelVersion, stored: references.StoredReference) -> Subject:
    """Put a version and one of its references together."""
    return Subject(version, parse_manifest(version.manifest), stored.id, _decoded(stored.payload), stored.until)


@lru_cache(maxsize=REFERENCES_HELD)
def _decoded(payload: bytes) -> Reference:
    return Reference.from_bytes(payload)
