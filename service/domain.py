"""Frozen types that cross the borders between the stages of one study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from service.raster import Raster

Tell = Callable[[float, str], None]
"""Is told how much of a long work is done, 0 to 1, and what is being done."""

AttributeValue = str | float | None
"""A category, a number in the unit of its DICOM attribute, or None where the film does not say."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What names a person or a film, as it came. Lives between decode and deidentify only; never logged, never stored in clear.

    header: what a report repeats of the film's header, as a data set of its own; empty where the film does not name itself.
    """

    patient: str | None
    accession: str | None
    study: str | None
    series: str | None
    instance: str | None
    header: bytes = b""

    def __repr__(self) -> str:
        return "Identity(...)"


@dataclass(frozen=True, slots=True)
class Image:
    """One decoded film.

    raster: the pixels, after the modality LUT.
    sample: some thousand evenly spread pixels in ascending order (service/gateway/sample.py).
    span: the lowest and highest value that `pixels` could take, from the stored bits and the modality LUT.
    attributes: allow-listed acquisition attributes by DICOM keyword, normalised.
    pixel_sha256: digest of shape and pixel values in MONOCHROME2 sense: equal for the same film in another transfer syntax.
    """

    raster: Raster
    sample: NDArray[np.float32]
    span: tuple[float, float]
    attributes: Mapping[str, AttributeValue]
    identity: Identity
    pixel_sha256: bytes
    input_sha256: bytes
    input_bytes: int

    @property
    def pixels(self) -> NDArray[np.float32]:
        """All of them at once, float32 [rows, columns]."""
        return self.raster[:]


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Keyed pseudonyms (HMAC-SHA256, first 16 bytes) of what names a person or a film; None where the film does not say."""

    patient: bytes | None
    accession: bytes | None
    study: bytes | None
    series: bytes | None
    instance: bytes | None


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a report needs of who and what the film names, encrypted. push: the report is to be pushed to the PACS."""

    header: bytes
    push: bool


@dataclass(frozen=True, slots=True)
class Submission:
    """One request to predict: who asks, which model, from which site, under which idempotency key, and whether it goes before others."""

    model: str
    site: str
    caller: str
    received_at: datetime
    body: bytes
    idempotency_key: str | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model said of one image: one logit per finding, in the order of its manifest, and the embedding (may be empty)."""

    logits: NDArray[np.float32]
    embedding: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered film: the row that is stored, and all that the reply is made from.

    id: UUIDv7 whose time is `received_at`.
    key: digest of the idempotency key, else of model version and instance, else of the pixels.
    content: SHA-256 that tells whether two submissions under one key are the same film.
    statistics: image statistics by name (service/gateway/statistics.py names and orders them).
    flags: what is plainly wrong with the film (service/models/features.py names and orders them); most often nothing.
    ood_distance: how far the embedding lies from those of the reference, as -log10 of the share of reference films that lie further
        out (1: one in ten, 3: one in a thousand); None without an embedding or a reference.
    sealed: kept apart from the row, and for some days only; not read back with it.
    """

    id: UUID
    model_version: int
    received_at: datetime
    site: str
    caller: str
    key: bytes
    content: bytes
    pseudonyms: Pseudonyms
    attributes: Mapping[str, AttributeValue]
    statistics: Mapping[str, float]
    scores: Scores
    pixel_sha256: bytes | None
    input_sha256: bytes
    input_bytes: int
    duration_ms: float
    flags: tuple[str, ...] = ()
    ood_distance: float | None = None
    sealed: Sealed | None = None


class Durability(StrEnum):
    """Where an answer is kept when it is given: in the database, in the spool on the way there, or nowhere."""

    DATABASE = "database"
    SPOOL = "spool"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a prediction ended up: `prediction` is the first answer under this key; `replayed` is true when it is an earlier one.

    revises: the earlier prediction of the same view of the same study that this one takes the place of, where one is known.
    """

    prediction: Prediction
    replayed: bool
    where: Durability = Durability.DATABASE
    revises: UUID | None = None


class Outcome(StrEnum):
    """How a request that gave no prediction ended: refused by a rule that will refuse it again, or failed on our side."""

    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that got no prediction. `reason` is the slug of its problem; nothing of the film is kept but its size.

    id: UUIDv7 of `at`, given when it happens, so that it is stored once however often that is tried.
    attribute: of a film that the model was not made for, which attribute said so (service/models/scope.py names them), never its value.
    """

    id: UUID
    at: datetime
    model: str
    site: str
    caller: str
    outcome: Outcome
    reason: str
    status: int
    input_bytes: int
    attribute: str | None = None


class Tier(StrEnum):
    """How a statement came about, most trusted first unless a model's plan says otherwise. report: read out of a report by a program."""

    PATHOLOGY = "pathology"
    PANEL = "panel"
    FOLLOW_UP = "follow-up"
    READ = "read"
    REPORT = "report"

    @classmethod
    def of(cls, source: str) -> Tier:
        """The tier that a source is named after; the least trusted where it has another name."""
        return next((tier for tier in cls if tier == source), cls.REPORT)


class Assessment(StrEnum):
    """What a radiologist makes of the model's decision on a finding, in the words of IHE AIRAI."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPPLEMENTED = "supplemented"


@dataclass(frozen=True, slots=True)
class Label:
    """One reader's statement on one finding of one prediction. Never overwritten: a correction supersedes.

    value: 0 to 1 (soft labels allowed), None where the reader was not certain. asked: it answers a worklist.
    supersedes: the label that it takes the place of, beside those of the same reader that were made before.
    """

    prediction: UUID
    finding: str
    value: float | None
    source: str
    reader: bytes | None
    made_at: datetime
    received_at: datetime
    tier: Tier = Tier.REPORT
    assessment: Assessment | None = None
    asked: bool = False
    supersedes: UUID | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version of a model. `manifest` is model.toml as parsed JSON; `package` is its folder below the object folder."""

    id: int
    model: str
    version: str
    manifest: Mapping[str, object]
    artifact_sha256: str
    package: str
    state: str
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class Carrier:
    """One series that carries an alarm: what moved, from which rate to which, on how many observations, and its evidence over its limit.

    rate, n: None where they would tell of a handful of patients (service/worker/few.py).
    examples: ids of a few predictions that show it, the most extreme first.
    """

    series: str
    family: str
    cell: str
    feature: str
    finding: str
    bin: str
    side: str
    reference_rate: float
    rate: float | None
    n: int | None
    evidence: float
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """Evidence passed its limit. since: when the change is estimated to have begun; opened_at: the closed hour that crossed the limit."""

    id: UUID
    model_version: int
    reference: int
    kind: str
    family: str
    cell: str
    opened_at: datetime
    since: datetime
    cleared_at: datetime | None
    evidence: float
    summary: str
    carriers: tuple[Carrier, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Alert:
    """What Alertmanager or Grafana says of one of its alerts: the same fingerprint and start is the same alert, however often it is sent.

    labels: the allow-listed ones (service/api/alerts.py). ends_at: None while it fires. alarm: the alarm of the model that it speaks of.
    """

    fingerprint: str
    starts_at: datetime
    ends_at: datetime | None
    labels: Mapping[str, str]
    alarm: UUID | None = None
