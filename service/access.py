"""Who may do what, and what was done: frozen types like those of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do; no role holds another.

    predict: send films. label: state what films show. read: look things up. operate: change what runs here, and erase.
    replay: bring a received time of one's own, where replay is switched on.
    """

    PREDICT = "predict"
    LABEL = "label"
    READ = "read"
    OPERATE = "operate"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of a system, never of a person, and what it may do."""

    name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One issued key. `digest` is all that is kept of it: SHA-256 of a text that holds 256 random bits."""

    id: str
    name: str
    roles: frozenset[Role]
    digest: bytes
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class Deed(StrEnum):
    """What the audit log speaks of."""

    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    ACCESS_DENIED = "access.denied"
    SESSION_OPENED = "session.opened"
    SESSION_CLOSED = "session.closed"
    PREDICTION_READ = "prediction.read"
    LABELS_STATED = "labels.stated"
    LABELS_IMPORTED = "labels.imported"
    WORKLIST_DRAWN = "worklist.drawn"
    MODEL_REGISTERED = "model.registered"
    REFERENCE_BUILT = "reference.built"
    REFERENCE_ACTIVATED = "reference.activated"
    ALARM_OPENED = "alarm.opened"
    ALARM_CLEARED = "alarm.cleared"
    ALARM_REJUDGED = "alarm.rejudged"
    ALARM_REVIEWED = "alarm.reviewed"
    ALARM_ACKNOWLEDGED = "alarm.acknowledged"
    REMEDY_PROPOSED = "remedy.proposed"
    REMEDY_EXPIRED = "remedy.expired"
    REMEDY_STEP = "remedy.step"
    MODEL_PROMOTED = "model.promoted"
    MODEL_ROLLED_BACK = "model.rolled_back"
    MODEL_STOPPED = "model.stopped"
    MODEL_RESUMED = "model.resumed"
    CANARY_BEGUN = "canary.begun"
    CANARY_ENDED = "canary.ended"
    ACCEPTANCE_RUN = "acceptance.run"
    ERASED = "erased"
    WORDS_ACCEPTED = "words.accepted"
    WORDS_WITHDRAWN = "words.withdrawn"
    AUDIT_EXPORTED = "audit.exported"
    RETENTION_DROPPED = "retention.dropped"


SHORTEST_REASON, LONGEST_REASON = 3, 1000
"""Characters of the reason that whoever decides gives, wherever that is."""

Detail = str | int | bool | None | list[str]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done, for the audit log: by whom (never a person's name), what, to what. Nothing in it names a patient."""

    at: datetime
    actor: str
    deed: Deed
    subject: str = ""
    details: Mapping[str, Detail] = field(default_factory=dict)
