"""FHIR R4: what an Observation, a DiagnosticReport or a Bundle of them states about a film.

Read is what says which film (accession number, study or instance UID), which finding, whether it is there, when and by whom. All else of a
resource, names and free text above all, is left where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from service.api.statements import EARLIEST, LATEST
from service.domain import Tier
from service.errors import LabelError
from service.gateway.label import reader_token
from service.gateway.pseudonym import pseudonym
from service.models.manifest import Manifest
from service.store.statements import Statement, Subject

SOURCE = "fhir"
OID, DICOM_UID = "urn:oid:", "urn:dicom:uid"
SCHEMES = {"http://snomed.info/sct": "SCT", "http://www.radlex.org": "RADLEX", "http://radlex.org": "RADLEX", "http://loinc.org": "LN"}
PRESENT = {"52101004", "10828004", "POS", "present", "positive", "Y"}
ABSENT = {"2667000", "260385009", "NEG", "absent", "negative", "N"}
UNCERTAIN = {"82334004", "419984006", "IND", "indeterminate", "uncertain", "E"}
"""SNOMED CT present, positive; absent, negative; indeterminate, inconclusive; and the codes of HL7 for interpretations and yes or no."""
FINAL = {"final", "amended", "corrected"}
IN_ERROR = "entered-in-error"
NEXT = timedelta(seconds=1)
"""After what it takes back, where a resource does not say when it was changed."""
ACCESSION = "ACSN"


class Loose(BaseModel):
    """A part of a resource: what we read of it, and whatever else it has, which is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _whole(said: object) -> object:
    """FHIR allows a year or a month alone; neither says when anything was made, and the rest of the resource may."""
    if said is None or (isinstance(said, str) and re.fullmatch(r"\d{4}(-\d{2})?", said)):
        return None
    if isinstance(said, str) and re.match(r"\d{4}-\d{2}-\d{2}", said):
        return datetime.fromisoformat(said)
    raise ValueError("a date begins with year, month and day")


Moment = Annotated[datetime | None, BeforeValidator(_whole)]


class Coding(Loose):
    system: str = ""
    code: str = ""


class Concept(Loose):
    coding: tuple[Coding, ...] = ()
    text: str = ""


class Identifier(Loose):
    type: Concept = Concept()
    system: str = ""
    value: str = ""


class Reference(Loose):
    reference: str = ""
    type: str = ""
    identifier: Identifier = Identifier()


class Meta(Loose):
    lastUpdated: datetime | None = None  # noqa: N815 - FHIR's name


class Observation(Loose):
    """One finding."""

    resourceType: Literal["Observation"]  # noqa: N815 - FHIR's name
    id: str = ""
    status: str
    meta: Meta = Meta()
    code: Concept
    identifier: tuple[Identifier, ...] = ()
    basedOn: tuple[Reference, ...] = ()  # noqa: N815 - FHIR's name
    derivedFrom: tuple[Reference, ...] = ()  # noqa: N815 - FHIR's name
    performer: tuple[Reference, ...] = ()
    effectiveDateTime: Moment = None  # noqa: N815 - FHIR's name
    issued: Moment = None
    valueBoolean: bool | None = None  # noqa: N815 - FHIR's name
    valueCodeableConcept: Concept | None = None  # noqa: N815 - FHIR's name
    interpretation: tuple[Concept, ...] = ()


class DiagnosticReport(Loose):
    """A report; its observations are contained, or lie beside it in the bundle."""

    resourceType: Literal["DiagnosticReport"]  # noqa: N815 - FHIR's name
    status: str
    meta: Meta = Meta()
    identifier: tuple[Identifier, ...] = ()
    basedOn: tuple[Reference, ...] = ()  # noqa: N815 - FHIR's name
    imagingStudy: tuple[Reference, ...] = ()  # noqa: N815 - FHIR's name
    resultsInterpreter: tuple[Reference, ...] = ()  # noqa: N815 - FHIR's name
    effectiveDateTime: Moment = None  # noqa: N815 - FHIR's name
    issued: Moment = None
    result: tuple[Reference, ...] = ()
    contained: tuple[dict[str, Any], ...] = ()


class Entry(Loose):
    fullUrl: str = ""  # noqa: N815 - FHIR's name
    resource: dict[str, Any] = Field(default_factory=dict)


class Bundle(Loose):
    resourceType: Literal["Bundle"]  # noqa: N815 - FHIR's name
    entry: Annotated[tuple[Entry, ...], Field(max_length=5000)] = ()


Resource = Annotated[Observation | DiagnosticReport | Bundle, Field(discriminator="resourceType")]
RESOURCE: TypeAdapter[Any] = TypeAdapter(Resource)

Concepts = Mapping[tuple[str, str], str]
"""Scheme and code of a finding -> its name; a bare name has the empty scheme."""


def concepts_of(manifests: Iterator[Manifest]) -> Concepts:
    """What findings are called, by their models."""
    named: dict[tuple[str, str], str] = {}
    for manifest in manifests:
        for finding in manifest.findings:
            named["", finding.name] = finding.name
            if finding.concept is not None:
                named[finding.concept.scheme, finding.concept.value] = finding.name
    return named


def observations(resource: Observation | DiagnosticReport | Bundle) -> Iterator[tuple[Observation | LabelError, DiagnosticReport | None]]:
    """Every observation with the report that it belongs to; one that cannot be read is an error in its place."""
    if isinstance(resource, Observation):
        yield resource, None
    elif isinstance(resource, DiagnosticReport):
        for one in _observations(resource.contained):
            yield one, resource
    else:
        yield from _of_bundle(resource)


def _of_bundle(bundle: Bundle) -> Iterator[tuple[Observation | LabelError, DiagnosticReport | None]]:
    reports = [found for entry in bundle.entry if entry.resource.get("resourceType") == "DiagnosticReport" for found in _reports(entry)]
    by_reference = {named.reference: report for report in reports if isinstance(report, DiagnosticReport) for named in report.result}
    for report in reports:
        if isinstance(report, LabelError):
            yield report, None
        else:
            yield from observations(report)
    for entry in bundle.entry:
        if entry.resource.get("resourceType") == "Observation":
            names = (entry.fullUrl, f"Observation/{entry.resource.get('id', '')}")
            of = next((by_reference[name] for name in names if name in by_reference), None)
            for one in _observations((entry.resource,)):
                yield one, of


def _reports(entry: Entry) -> Iterator[DiagnosticReport | LabelError]:
    try:
        yield DiagnosticReport.model_validate(entry.resource)
    except ValidationError:
        yield LabelError("The DiagnosticReport is not one of FHIR R4.")


def _observations(resources: tuple[dict[str, Any], ...]) -> Iterator[Observation | LabelError]:
    for resource in resources:
        if resource.get("resourceType") == "Observation":
            try:
                yield Observation.model_validate(resource)
            except ValidationError:
                yield LabelError("The Observation is not one of FHIR R4.")


def statement_of(
    one: Observation, report: DiagnosticReport | None, key: bytes, concepts: Concepts, *, tier: Tier | None, model: str | None
) -> Statement:
    """What an observation states; names become pseudonyms here, at the door.

    One that was entered in error, or whose report was, takes back what its reader said of the finding: nothing is known of it from then on.

    Raises:
        LabelError: It does not say something that a label needs, or says it in a way that is not known.
    """
    in_error = IN_ERROR in {one.status, report.status if report else ""}
    if one.status not in FINAL and not in_error:
        raise LabelError("Only observations that are final, amended, corrected or entered in error are taken.")
    readers = (*one.performer, *(report.resultsInterpreter if report else ()))
    reader = next((name for who in readers if (name := who.identifier.value or who.reference)), None)
    return Statement(
        _subject(one, report, key, model),
        _finding(one.code, concepts),
        None if in_error else _value(one),
        SOURCE,
        tier or (Tier.READ if reader else Tier.REPORT),
        reader_token(key, reader),
        _taken_back(one, report) if in_error else _moment(one, report),
    )


def _subject(one: Observation, report: DiagnosticReport | None, key: bytes, model: str | None) -> Subject:
    references = (*one.derivedFrom, *one.basedOn, *((*report.imagingStudy, *report.basedOn) if report else ()))
    identifiers = (*one.identifier, *(named.identifier for named in references), *(report.identifier if report else ()))
    media = (named for named in references if named.type == "Media" or named.reference.startswith("Media/"))
    if instance := next((uid for named in media if (uid := _uid(named.identifier))), None):
        return Subject(instance=pseudonym(key, "instance", instance), model=model)
    if accession := next((named.value for named in identifiers if named.value and _is_accession(named)), None):
        return Subject(accession=pseudonym(key, "accession", accession), model=model)
    if study := next((uid for named in references if (uid := _uid(named.identifier))), None):
        return Subject(study=pseudonym(key, "study", study), model=model)
    raise LabelError("It names no film: an accession number (type ACSN) or a DICOM UID (system urn:dicom:uid) is needed.")


def _is_accession(named: Identifier) -> bool:
    return any(coding.code == ACCESSION for coding in named.type.coding)


def _uid(named: Identifier) -> str | None:
    return named.value.removeprefix(OID) or None if named.system == DICOM_UID else None


def _finding(code: Concept, concepts: Concepts) -> str:
    codes = [(SCHEMES.get(coding.system, ""), coding.code) for coding in code.coding] + [("", code.text)]
    found = next((concepts[one] for one in codes if one in concepts), None)
    if found is None:
        raise LabelError("No model in service has a finding of this code; a finding's concept stands in its model's manifest.")
    return found


def _value(one: Observation) -> float | None:
    """1 present, 0 absent, None where the reader is not certain."""
    if one.valueBoolean is not None:
        return float(one.valueBoolean)
    concepts = (*((one.valueCodeableConcept,) if one.valueCodeableConcept else ()), *one.interpretation)
    for code in (coding.code for concept in concepts for coding in concept.coding):
        if code in PRESENT or code in ABSENT:
            return float(code in PRESENT)
        if code in UNCERTAIN:
            return None
    raise LabelError("It says neither present nor absent: a valueBoolean, or a code of SNOMED CT or HL7 for these, is needed.")


def _moment(one: Observation, report: DiagnosticReport | None) -> datetime:
    moments = (one.issued, one.effectiveDateTime, *((report.issued, report.effectiveDateTime) if report else ()))
    stated: datetime | None = next((at for at in moments if at is not None and at.tzinfo is not None), None)
    if stated is None or not EARLIEST <= stated <= LATEST:
        raise LabelError("It does not say when it was made, with a time and its offset: issued, or effectiveDateTime.")
    return stated.astimezone(UTC)


def _taken_back(one: Observation, report: DiagnosticReport | None) -> datetime:
    """When it was taken back: when its resource was changed, and in any case after it was made."""
    made: datetime = _moment(one, report)
    changed: list[datetime | None] = [meta.lastUpdated for meta in (one.meta, *((report.meta,) if report else ()))]
    known = [at.astimezone(UTC) for at in changed if at is not None and at.tzinfo is not None and EARLIEST <= at <= LATEST]
    latest: datetime = max([made + NEXT, *known])
    return latest
