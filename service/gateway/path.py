"""The way of one film: decode, deidentify, preprocess, predict, record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray

from service.domain import AttributeValue, Durability, Prediction, Pseudonyms, Scores, Sealed, Submission
from service.errors import InferenceError
from service.gateway.budget import PixelBudget, Reserve
from service.gateway.capture import Capture
from service.gateway.claim import claim
from service.gateway.decode import decode
from service.gateway.decoders import Decoders
from service.gateway.deidentify import deidentify
from service.gateway.devices import DeviceRegister
from service.gateway.distance import FAR, Outliers
from service.gateway.duplicates import Duplicates
from service.gateway.flags import in_order, statistic_flags
from service.gateway.fleet import Fleet
from service.gateway.frame import Codec
from service.gateway.ledger import Ledger
from service.gateway.limits import Limits
from service.gateway.notices import Notices
from service.gateway.picture import Picture, picture_of
from service.gateway.polarity import Polarity
from service.gateway.preprocess import preprocess
from service.gateway.seal import Sealer
from service.gateway.serving import Serving
from service.gateway.shown import Onlooker, Shown, nobody
from service.gateway.statistics import image_statistics
from service.gateway.tensor import Geometry, digest_of, tensor_of
from service.gateway.urgency import says_stat
from service.gateway.vocabulary import Vocabulary
from service.models.manifest import Manifest
from service.store.ids import uuid7

log = structlog.get_logger()

Check = Callable[[Pseudonyms], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told: the first answer under its key, and the manifest that says what its numbers mean."""

    prediction: Prediction
    replayed: bool
    version: str
    manifest: Manifest
    where: Durability = Durability.DATABASE
    revises: UUID | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A film after the work of a decoding thread: nothing in it names anybody in clear, and the pixels are the model's input."""

    id: UUID
    tensor: NDArray[np.float32]
    attributes: Mapping[str, AttributeValue]
    pseudonyms: Pseudonyms
    statistics: Mapping[str, float]
    flags: tuple[str, ...]
    picture: Picture | None
    pixel_sha256: bytes
    input_sha256: bytes
    sealed: Sealed | None


@dataclass(frozen=True, slots=True)
class Gateway:
    """Composes the stages. Decoding has its own threads, inference and recording one each; the event loop only waits."""

    fleet: Fleet
    capture: Capture
    ledger: Ledger
    decoders: Decoders
    limits: Limits
    budget: PixelBudget
    codec: Codec
    notices: Notices
    devices: DeviceRegister
    duplicates: Duplicates
    polarity: Polarity
    outliers: Outliers
    vocabulary: Vocabulary
    key: bytes
    sealer: Sealer | None = None
    onlooker: Onlooker = nobody

    async def predict(self, submission: Submission, check: Check | None = None) -> Answer:
        """Answer one film; the answer is durable when this returns. `check` sees whom the film names, and may raise, before it is answered.

        Raises:
            UnknownModelError, UndecodableError, UnsupportedSyntaxError, TooLargeError, OutOfScopeError: It will never be answered.
            ConflictError: Its key came before with another film.
            InferenceError, UnavailableError: It could not be answered now.
        """
        began = perf_counter()
        identifier = uuid7(submission.received_at)
        with self.fleet.lease(submission.model) as serving:
            if not submission.urgent and says_stat(submission.body):
                submission = replace(submission, urgent=True)
            urgent = submission.urgent
            film = await self.decoders.run(lambda: self.prepare(identifier, submission.body, serving.manifest), urgent=urgent)
            if check is not None:
                await check(film.pseudonyms)
            with self.fleet.partly.turn(serving, submission.site, film.pseudonyms) as answering:
                return await self.answer_or_fall_back(submission, answering, serving, film, began)

    async def infer(self, submission: Submission, serving: Serving) -> Answer:
        """Answer one preprocessed input, the float32 bytes that `submission.body` is; for as long as `serving` is leased.

        Raises:
            InvalidRequestError: It holds no possible input.
            ConflictError, InferenceError, UnavailableError: As for a film.
        """
        began = perf_counter()
        film = from_tensor(uuid7(submission.received_at), submission.body, serving.geometry)
        return await self.answer(submission, serving, film, began)

    async def answer_or_fall_back(
        self, submission: Submission, answering: Serving, champion: Serving, film: Prepared, began: float
    ) -> Answer:
        """`answer`; where a challenger whose turn it is fails on the film, the champion answers."""
        try:
            return await self.answer(submission, answering, film, began)
        except InferenceError:
            if answering is champion:
                raise
            log.warning("canary_failed", model=submission.model, version=answering.version.version)
        return await self.answer(submission, champion, film, began)

    async def answer(self, submission: Submission, serving: Serving, film: Prepared, began: float) -> Answer:
        """Predict and record."""
        with self.ledger.stage("predict"):
            scores = await serving.predictor.predict(film.tensor, urgent=submission.urgent)
        prediction = self.compose(submission, serving, film, scores, duration_ms=1000 * (perf_counter() - began))
        with self.ledger.stage("record"):
            recorded = await self.capture.record(prediction)
        if not recorded.replayed:
            self.notices.flagged(submission.model, prediction.flags)
            if prediction.attributes:  # a tensor comes from nowhere
                self.devices.see(submission.model, submission.site, prediction.attributes, submission.received_at)
            shown = Shown(prediction, serving.manifest, film.tensor, submission.body if prediction.attributes else None)
            asyncio.get_running_loop().call_soon(self.onlooker, shown)
        return Answer(recorded.prediction, recorded.replayed, serving.version.version, serving.manifest, recorded.where, recorded.revises)

    def prepare(self, identifier: UUID, body: bytes, manifest: Manifest) -> Prepared:
        """All that needs the film itself, in one go on one thread."""
        with self.budget.share() as reserve:
            return self._prepared(identifier, body, manifest, reserve)

    def _prepared(self, identifier: UUID, body: bytes, manifest: Manifest, reserve: Reserve) -> Prepared:
        with self.ledger.stage("decode"):
            image = decode(body, self.limits, self.codec, manifest.accepts, reserve)
        with self.ledger.stage("deidentify"):
            attributes, pseudonyms = deidentify(image, self.key, self.vocabulary, manifest.accepts)
            sealed = None if self.sealer is None else self.sealer.seal(identifier, image.identity.header)
        with self.ledger.stage("preprocess"):
            statistics, tensor = image_statistics(image), preprocess(image, manifest.preprocessing)
            picture = picture_of(tensor)
            duplicate = self.duplicates.seen(manifest.name, picture, pseudonyms)
            return Prepared(
                id=identifier,
                tensor=tensor,
                attributes=attributes,
                pseudonyms=pseudonyms,
                statistics=statistics,
                picture=picture,
                flags=in_order((*statistic_flags(statistics), *("near_duplicate",) * duplicate)),
                pixel_sha256=image.pixel_sha256,
                input_sha256=image.input_sha256,
                sealed=sealed,
            )

    def compose(self, submission: Submission, serving: Serving, film: Prepared, scores: Scores, duration_ms: float) -> Prediction:
        """The row that is stored."""
        version = serving.version.id
        inverted = self.polarity.is_inverted(version, film.attributes.get("ViewPosition"), film.picture)
        distance = self.outliers.distance(version, scores.embedding)
        owned = claim(self.key, serving.version.id, submission, film.pseudonyms, film.pixel_sha256)
        return Prediction(
            id=film.id,
            model_version=serving.version.id,
            received_at=submission.received_at,
            site=submission.site,
            caller=submission.caller,
            key=owned.key,
            content=owned.content,
            pseudonyms=film.pseudonyms,
            attributes=film.attributes,
            statistics=film.statistics,
            scores=scores,
            pixel_sha256=film.pixel_sha256,
            input_sha256=film.input_sha256,
            input_bytes=len(submission.body),
            duration_ms=duration_ms,
            flags=in_order(
                (*film.flags, *("inverted",) * inverted, *("out_of_distribution",) * (distance is not None and distance >= FAR))
            ),
            ood_distance=distance,
            sealed=film.sealed,
        )


def from_tensor(identifier: UUID, body: bytes, geometry: Geometry) -> Prepared:
    """An input that says nothing of a film: no attributes, no pseudonyms, no statistics; its own bytes are what names it."""
    digest = digest_of(body)
    return Prepared(
        id=identifier,
        tensor=tensor_of(body, geometry),
        attributes={},
        pseudonyms=Pseudonyms(None, None, None, None, None),
        statistics={},
        flags=(),
        picture=None,
        sealed=None,
        pixel_sha256=digest,
        input_sha256=digest,
    )
