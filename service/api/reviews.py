"""Reviews of an alarm: one alarm with all that is attached to it, and Evidently's page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.alarms import AlarmReply, CarrierReply, told
from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.domain import Alarm
from service.errors import NoReviewError, UnknownAlarmError
from service.review.verdicts import FOLDER, Confirmation, EvidentlyReport
from service.store.alarms import find_alarm
from service.store.blobs import fetch_blob
from service.store.judgements import Judgement, Standing, judgements_of
from service.store.models import versions
from service.store.reviews import Kind, Review, reviews_of

router = APIRouter(prefix="/v1/models", tags=["monitoring"])

# The page brings its own script and style and needs nothing else: no network, no storage, no form, no frame, an origin of its own.
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE: Mapping[str, Any] = {"text/html": {"schema": {"type": "string"}}}


class TwoSampleReply(BaseModel):
    """One two-sample test in one space of the films (embedding, scores, inputs, or score and label of a finding)."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    test: Annotated[str, Field(examples=["MMD"])]
    space: Annotated[str, Field(examples=["embedding"])]
    statistic: float
    p_value: Annotated[float, Field(description="Of the alarm's window against the reference.")]
    n_reference: int
    n_window: int
    quiet_p_value: Annotated[float | None, Field(description="Of a quiet stretch of the reference against the rest of it.")]
    n_quiet: int


class ConfirmationReply(BaseModel):
    """What alibi-detect says of the alarm on a seeded draw of films. It decides nothing."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    made_at: datetime
    version: Annotated[str, Field(description="Version of alibi-detect.")]
    seed: int
    level: Annotated[float, Field(description="A test differs at this p-value or below: 0.05 over all of them.")]
    summary: str
    tests: list[TwoSampleReply]
    left_out: Annotated[list[str], Field(description="Tests that could not be made of these films.")]


class ReportReply(BaseModel):
    """What Evidently's page says; the page itself is at `.../report`."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    made_at: datetime
    version: Annotated[str, Field(description="Version of Evidently.")]
    seed: int
    sha256: Annotated[str, Field(description="Of the page.")]
    summary: str
    drifting: Annotated[list[str], Field(description="Columns that differ, at 0.05 over all of them, smallest p-value first.")]


class JudgementReply(BaseModel):
    """An alarm as the evidence of its opening day had it: first what it was opened as, then what it is since that day was judged again."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    standing: Standing
    judged_at: datetime
    kind: str
    subgroup: Annotated[str, Field(validation_alias="cell")]
    since: datetime
    evidence: float
    summary: str
    carriers: list[CarrierReply]


class ReviewedAlarmReply(AlarmReply):
    """An alarm, the reference that it was judged under, its judgements, and what is attached to it."""

    reference: Annotated[int, Field(description="The reference that it was judged under, also where another one is active by now.")]
    judgements: list[JudgementReply]
    confirmation: ConfirmationReply | None
    report: ReportReply | None

    @classmethod
    def of(cls, alarm: Alarm, attached: Mapping[Kind, Review], judged: Sequence[Judgement]) -> ReviewedAlarmReply:
        one = told(alarm, judged)
        confirmation, report = attached.get(Kind.CONFIRMATION), attached.get(Kind.REPORT)
        return cls.model_construct(
            **{name: getattr(one, name) for name in AlarmReply.model_fields},
            reference=alarm.reference,
            judgements=list(map(JudgementReply.model_validate, judged)),
            confirmation=None if confirmation is None else _confirmation(confirmation),
            report=None if report is None else _report(report),
        )


def _confirmation(review: Review) -> ConfirmationReply:
    found = Confirmation.restore(review.payload)
    tests = [TwoSampleReply.model_validate(one) for one in found.tests]
    plain = {"version": found.version, "seed": found.seed, "level": found.level, "summary": found.summary}
    return ConfirmationReply(made_at=review.made_at, **plain, tests=tests, left_out=list(found.left_out))


def _report(review: Review) -> ReportReply:
    found = EvidentlyReport.restore(review.payload)
    return ReportReply(
        made_at=review.made_at,
        version=found.version,
        seed=found.seed,
        sha256=found.sha256,
        summary=found.summary,
        drifting=list(found.drifting),
    )


@router.get("/{model}/alarms/{alarm}", operation_id="get_alarm", summary="An alarm and its reviews", responses=problems(400, 404, 503))
async def get_alarm(model: str, alarm: UUID, _caller: MayRead, service: Served) -> ReviewedAlarmReply:
    """One alarm of any version of the model, with what other libraries say of it, where they were asked."""
    return ReviewedAlarmReply.of(*await service.database.run(lambda connection: _find(connection, model, alarm)))


@router.get(
    "/{model}/alarms/{alarm}/report",
    operation_id="get_alarm_report",
    summary="Evidently's page on an alarm",
    response_class=Response,
    responses={200: {"description": "One page of HTML that needs nothing else.", "content": PAGE}, **problems(400, 404, 503)},
)
async def get_alarm_report(model: str, alarm: UUID, _caller: MayRead, service: Served) -> Response:
    """The page as it was made; 404 where none was. A browser shows it cut off from everything: no network, no origin."""
    _, attached, _ = await service.database.run(lambda connection: _find(connection, model, alarm))
    if Kind.REPORT not in attached:
        raise NoReviewError
    sha256 = EvidentlyReport.restore(attached[Kind.REPORT].payload).sha256
    try:
        page = await asyncio.to_thread(fetch_blob, service.settings.object_folder, FOLDER, sha256)
    except FileNotFoundError:
        raise NoReviewError("The page is no longer in the object folder; `stepwedge alarms report ID --again` makes it anew.") from None
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "ETag": f'"{sha256}"',
    }
    return Response(page, media_type="text/html", headers=headers)


def _find(connection: Connection, model: str, identifier: UUID) -> tuple[Alarm, Mapping[Kind, Review], Sequence[Judgement]]:
    judged = judgements_of(connection, [identifier]).get(identifier, ())
    return alarm_of(connection, model, identifier), reviews_of(connection, identifier), judged


def alarm_of(connection: Connection, model: str, identifier: UUID) -> Alarm:
    """One alarm of any version of a model.

    Raises:
        UnknownAlarmError: There is none of this id.
    """
    found = find_alarm(connection, identifier)
    if found is None or found.model_version not in {version.id for version in versions(connection, model)}:
        raise UnknownAlarmError
    return found
