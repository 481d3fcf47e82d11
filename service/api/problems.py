"""Problems: the one table from errors to RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from service import errors
from service.domain import Outcome

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
OPEN_INFERENCE = "/v2"
LATER_S = 30


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. `slug` is its name everywhere: in its type, in the ledger's reason and in the stored refusal."""

    slug: str
    status: int
    title: str
    outcome: Outcome = Outcome.REFUSED
    retry_after_s: int | None = None
    challenge: str | None = None


INTERNAL = Kind("internal-error", 500, "Unexpected error", Outcome.FAILED)
INVALID = Kind("invalid-request", 400, "Invalid request")
NOT_FOUND = Kind("not-found", 404, "Nothing at this address")
METHOD = Kind("method-not-allowed", 405, "Method not allowed")

KINDS: Mapping[type[BaseException], Kind] = {
    errors.UnknownModelError: Kind("unknown-model", 404, "Unknown model"),
    errors.UnknownPredictionError: Kind("unknown-prediction", 404, "Unknown prediction"),
    errors.UnknownPlaceError: Kind("unknown-place", 404, "Unknown finding or subgroup"),
    errors.UnknownFindingError: Kind("unknown-finding", 400, "Unknown finding"),
    errors.UndecodableError: Kind("undecodable", 400, "Not a readable DICOM film"),
    errors.NoPixelsError: Kind("no-pixels", 400, "No pixel data"),
    errors.UnsupportedSyntaxError: Kind("unsupported-media-type", 415, "Unsupported media type or transfer syntax"),
    errors.TooLargeError: Kind("too-large", 413, "Too large"),
    errors.OutOfScopeError: Kind("out-of-scope", 422, "Out of the model's scope"),
    errors.NoReportError: Kind("no-report", 404, "No report"),
    errors.ReportError: Kind("report-failed", 500, "The report could not be made", Outcome.FAILED),
    errors.ReportGoneError: Kind("report-gone", 410, "The report is gone"),
    errors.ErasedError: Kind("erased", 410, "Erased"),
    errors.ConflictError: Kind("conflict", 409, "Other content under the same key"),
    errors.InvalidRequestError: INVALID,
    errors.LabelError: Kind("invalid-label", 400, "Invalid label"),
    errors.UnwatchedModelError: Kind("no-reference", 409, "No reference yet"),
    errors.UnknownImportError: Kind("unknown-import", 404, "Unknown import"),
    errors.UnauthenticatedError: Kind("unauthenticated", 401, "Who asks is not known", challenge='Bearer realm="stepwedge"'),
    errors.ForbiddenError: Kind("forbidden", 403, "The caller may not do this"),
    errors.ReplayError: Kind("replay-not-allowed", 403, "Replay not allowed"),
    errors.InferenceError: Kind("inference-failed", 500, "The model failed", Outcome.FAILED),
    errors.StalledError: Kind("stalled", 408, "The body stopped arriving", Outcome.FAILED),
    errors.BusyError: Kind("busy", 429, "Too many requests in work", Outcome.FAILED, RETRY_AFTER_S),
    errors.NotAcceptableError: Kind("not-acceptable", 406, "Not acceptable"),
    errors.InboxFullError: Kind("inbox-full", 503, "Too much waits for its answer", Outcome.FAILED, LATER_S),
    errors.CrashedError: Kind("crashed", 500, "The service ended in the middle of it", Outcome.FAILED),
    errors.UnknownRequestError: Kind("unknown-request", 404, "Unknown request"),
    errors.PacedError: Kind("too-many-requests", 429, "Too many requests of this caller", Outcome.FAILED, RETRY_AFTER_S),
    errors.UnknownAlarmError: Kind("unknown-alarm", 404, "Unknown alarm"),
    errors.UnknownRemedyError: Kind("unknown-remedy", 404, "Unknown remedy"),
    errors.NoComparisonError: Kind("no-comparison", 404, "No comparison yet"),
    errors.RemedyStateError: Kind("remedy-state", 409, "The remedy is in another state"),
    errors.NotApproverError: Kind("not-approver", 403, "Not among those who may decide"),
    errors.NotPassedError: Kind("not-passed", 409, "The comparison has not passed"),
    errors.NoFormerVersionError: Kind("no-former-version", 409, "Nothing to go back to"),
    errors.UnknownVersionError: Kind("unknown-version", 404, "Unknown version"),
    errors.StoppedModelError: Kind("model-stopped", 503, "Taken out of service", Outcome.FAILED, LATER_S),
    errors.NoReviewError: Kind("no-review", 404, "Nothing of this kind is attached"),
    errors.DamagedObjectError: Kind("damaged-object", 500, "A stored object is damaged", Outcome.FAILED),
    errors.UnavailableError: Kind("unavailable", 503, "The answer cannot be recorded now", Outcome.FAILED, RETRY_AFTER_S),
    # Never sent, since nobody listens any more; it has a kind so that the ledger balances.
    ClientDisconnect: Kind("client-disconnected", 499, "The client went away", Outcome.FAILED),
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A kind of problem with what it means."""

    kind: Kind
    meaning: str


EXPLAINED: Mapping[str, Explained] = {
    **{kind.slug: Explained(kind, f"{kind.title}.") for kind in (INTERNAL, INVALID, NOT_FOUND, METHOD)},
    **{
        kind.slug: Explained(kind, (error.__doc__ or "").strip())
        for error, kind in KINDS.items()
        if issubclass(error, errors.StepwedgeError)
    },
}


class FieldProblem(BaseModel):
    """One field of a request that is not valid. The value itself is never repeated."""

    model_config = ConfigDict(frozen=True)

    location: Annotated[str, Field(examples=["body.0.value"])]
    message: Annotated[str, Field(examples=["Input should be less than or equal to 1"])]


class Problem(BaseModel):
    """RFC 9457 problem details. No pixel, tag value or identifier is ever in one."""

    model_config = ConfigDict(frozen=True)

    type: Annotated[str, Field(examples=["/problems/undecodable"], description="What kind of problem; the address explains it.")]
    title: Annotated[str, Field(examples=["Not a readable DICOM film"])]
    status: Annotated[int, Field(examples=[400])]
    detail: Annotated[str, Field(examples=["The body is not a DICOM film that can be read."])]
    instance: Annotated[str, Field(examples=["urn:uuid:019cabe6-6400-7000-8000-000000000000"], description="The request's id.")]
    errors: Annotated[list[FieldProblem] | None, Field(description="Which fields are not valid.")] = None
    error: Annotated[str | None, Field(description="The detail once more below /v2, where Open Inference clients look for it.")] = None


def kind_of(error: BaseException) -> Kind:
    """The kind of the nearest class that the table knows; anything else is unexpected."""
    for ancestor in type(error).__mro__:
        if ancestor in KINDS:
            return KINDS[ancestor]
    return INTERNAL


def detail_of(error: BaseException, kind: Kind) -> str:
    """Domain errors speak for themselves; what an unexpected error says may quote anything, so it is not repeated."""
    if isinstance(error, errors.StepwedgeError) and kind is not INTERNAL:
        return str(error)
    return "Something went wrong on our side; the log has it under this instance."


def problem(kind: Kind, detail: str, request_id: str, fields: list[FieldProblem] | None = None) -> Problem:
    return Problem(
        type=f"/problems/{kind.slug}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=f"urn:uuid:{request_id}",
        errors=fields,
    )


def for_address(body: Problem, path: str) -> Problem:
    """The problem in the words of whoever asked at this address: the Open Inference Protocol wants an `error`."""
    return body.model_copy(update={"error": body.detail}) if path.startswith(OPEN_INFERENCE) else body


def problem_response(kind: Kind, body: Problem, headers: Mapping[str, str] | None = None) -> Response:
    retry = {} if kind.retry_after_s is None else {"Retry-After": str(kind.retry_after_s)}
    challenge = {} if kind.challenge is None else {"WWW-Authenticate": kind.challenge}
    return Response(
        body.model_dump_json(exclude_none=True),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers={**retry, **challenge, **(headers or {})},
    )
