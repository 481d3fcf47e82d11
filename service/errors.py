"""Domain errors. They know no HTTP; the docstring is the message, and no message carries a pixel, a tag value or an identifier."""

from __future__ import annotations


class StepwedgeError(Exception):
    """Something went wrong."""

    retry_after_s: int | None = None
    """When to come again, where that is known better than from the kind of error."""

    def __init__(self, detail: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(detail or (type(self).__doc__ or "").strip())
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class UnknownModelError(StepwedgeError):
    """No version of this model is in service."""


class UnknownPredictionError(StepwedgeError):
    """There is no prediction with this id."""


class UnknownFindingError(StepwedgeError):
    """The model has no finding of this name."""


class UnknownPlaceError(StepwedgeError):
    """The model has no finding of this name, or its reference knows no such subgroup."""


class UndecodableError(StepwedgeError):
    """The body is not a DICOM film that can be read."""


class NoPixelsError(UndecodableError):
    """The DICOM instance has no pixel data."""


class UnsupportedSyntaxError(StepwedgeError):
    """The body's media type or the film's transfer syntax is not supported."""


class TooLargeError(StepwedgeError):
    """The body, or the film that it declares, is larger than this service accepts."""


class OutOfScopeError(StepwedgeError):
    """The model was not made for films of this kind; its manifest says what it accepts."""

    def __init__(self, detail: str = "", *, attribute: str | None = None) -> None:
        super().__init__(detail)
        self.attribute = attribute
        """Which attribute says so, of the closed list in service/models/scope.py; never its value."""


class NoReportError(StepwedgeError):
    """There can be no report on this prediction: its film does not name itself and its study, or reports are switched off here."""


class ReportError(StepwedgeError):
    """The report could not be made."""


class ReportGoneError(StepwedgeError):
    """What a report must repeat of the film is not kept any more."""


class ErasedError(StepwedgeError):
    """Whom or what this film names was erased after it had been sent, so no answer is kept."""


class ConflictError(StepwedgeError):
    """The same key, or the same instance UID, came before with other content."""


class InvalidRequestError(StepwedgeError):
    """A header, a parameter or a field of the request is not valid."""


class UnauthenticatedError(StepwedgeError):
    """Who asks is not known: send the header `Authorization: Bearer KEY` with a key or token that is valid."""


class ForbiddenError(StepwedgeError):
    """The caller lacks the role that this request needs."""


class UnknownKeyError(StepwedgeError):
    """There is no key in force of this name or id."""


class NotAcceptableError(StepwedgeError):
    """The answer is application/dicom+json or application/dicom+xml, and the request accepts neither."""


class StalledError(StepwedgeError):
    """The body stopped arriving."""


class BusyError(StepwedgeError):
    """Too many requests are waiting; try again shortly."""


class InboxFullError(StepwedgeError):
    """So much waits for its answer that no more is taken in; try again later."""


class CrashedError(StepwedgeError):
    """The service ended several times while it worked on this instance, so it is not tried again."""


class UnknownRequestError(StepwedgeError):
    """There is no request with this id, or it ended so long ago that it is forgotten."""


class PacedError(StepwedgeError):
    """The caller sends more requests than one caller may; try again shortly."""


class UnavailableError(StepwedgeError):
    """The record of this answer cannot be stored now, so no answer is given; try again shortly."""


class SpoolError(UnavailableError):
    """The record of this answer can be stored neither in the database nor in the spool, so no answer is given; try again shortly."""


class InferenceError(StepwedgeError):
    """The model gave no valid scores for this film."""


class PackageError(StepwedgeError):
    """The model package is not valid."""


class LabelError(StepwedgeError):
    """The label is not valid."""


class UnwatchedModelError(StepwedgeError):
    """The model has no reference yet, so nobody knows what its scores mean: declare a good period first."""


class UnknownImportError(StepwedgeError):
    """You have begun no import of labels under this name."""


class UnknownReferenceError(StepwedgeError):
    """No proposed reference has this number; one that retired is proposed again."""


class ThinReferenceError(StepwedgeError):
    """The period has too few predictions to compare others to."""


class ThinWindowError(StepwedgeError):
    """Too few films of the alarm's time, or of its reference's, are kept to be compared."""


class UnknownAlarmError(StepwedgeError):
    """There is no alarm with this id."""


class UnknownRemedyError(StepwedgeError):
    """There is no remedy with this id."""


class RemedyStateError(StepwedgeError):
    """The remedy is not in a state in which this can be done: somebody was faster, or its time is over."""


class NoComparisonError(StepwedgeError):
    """The remedy has no challenger yet, or nothing was compared yet."""


class NotApproverError(StepwedgeError):
    """The plan of the model names who may decide on its remedies, and this caller is not among them."""


class NotPassedError(StepwedgeError):
    """The comparison of the challenger with the champion has not passed."""


class UnknownVersionError(StepwedgeError):
    """There is no such version of a model."""


class NoFormerVersionError(StepwedgeError):
    """No other version of this model answered before the one in service, so there is none to go back to."""


class StoppedModelError(StepwedgeError):
    """The model was taken out of service."""


class TrainingError(StepwedgeError):
    """The model cannot be trained."""


class ReviewError(StepwedgeError):
    """The review of the alarm could not be made."""


class NoReviewError(StepwedgeError):
    """Nothing of this kind is attached to the alarm; `stepwedge alarms report ID` makes a report."""


class DamagedReportError(StepwedgeError):
    """The report is not the one that was signed, or was signed by another service."""


class DamagedObjectError(StepwedgeError):
    """An object is not the one that was put into the object folder."""


class MissingExtraError(StepwedgeError):
    """A library that this needs is not installed."""


class LicenceError(StepwedgeError):
    """alibi-detect is under the Business Source Licence: set STEPWEDGE_ALIBI_LICENCE=evaluation where this is no production, or =licensed where you have a licence from Seldon."""


class ReplayError(StepwedgeError):
    """Only a service that was started for replay accepts a received time from outside."""


class EmbeddedPostgresError(StepwedgeError):
    """The embedded Postgres did not start."""


class SetupError(StepwedgeError):
    """Something that must be set up before this command can work is missing; the message says what to do."""
