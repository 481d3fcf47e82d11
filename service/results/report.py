"""Report: a prediction as a DICOM structured report, TID 1500 with the algorithm by TID 4019, in the study of its film.

Comprehensive 3D SR, because that is the one container for measurements that the IHE profile AI Results asks readers to show;
nothing in it needs three dimensions. The same prediction gives the same bytes: its moments are those of the prediction, in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC
from io import BytesIO
from typing import Final

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sr.codedict import codes
from pydicom.valuerep import DT

from service.errors import NoReportError
from service.models.interpretation import Interpreted, interpret
from service.results.codes import CALIBRATED, FLAG, OPERATING_POINT, SCHEME, concept_of
from service.results.subject import Subject
from service.results.uids import instance_uid, observer_uid, series_uid, tracking_uid

STATEMENT: Final = (
    "Made by software without review by a person and not verified. Present and absent say on which side of its operating point "
    "the model's probability lies; they are no diagnosis."
)
MANUFACTURER: Final = "Stepwedge"
SERIES_NUMBER: Final = 9900
DIGITS: Final = 6
RADIOGRAPHY: Final = frozenset(("DX", "CR", "RG", "DR"))
VALID: Final = {
    "StudyDate": re.compile(r"\d{8}"),
    "PatientBirthDate": re.compile(r"\d{8}"),
    "StudyTime": re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
    "PatientSex": re.compile(r"[MFO]"),
}
"""Values of other forms are left out: a film may say anything, a report should be readable."""
UIDS: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
OF_THE_FILM: Final = frozenset(("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID"))
UID: Final = re.compile(r"[0-9][0-9.]{0,63}")
NAMELESS: Final = "A UID of the film is not one, so no report can refer to it."


def report(subject: Subject) -> bytes:
    """The report as a part 10 file.

    Raises:
        NoReportError: A UID of the film is none, so that no report can refer to it.
    """
    with config.disable_value_validation():  # it would write the values that it does not like into the log
        header = dcmread(BytesIO(subject.header), force=True)
        if not all(UID.fullmatch(str(header.get(keyword, ""))) for keyword in UIDS):
            raise NoReportError(NAMELESS)
        return _written(_document(subject, header))


def _document(subject: Subject, header: Dataset) -> Dataset:
    prediction, manifest = subject.prediction, subject.manifest
    at = prediction.received_at.astimezone(UTC)
    document = Comprehensive3DSR(
        evidence=[_evidence(header)],
        content=_content(subject, header),
        series_instance_uid=series_uid(prediction),
        series_number=SERIES_NUMBER,
        series_description=f"{manifest.name} {manifest.version}: AI result, unverified"[:64],
        sop_instance_uid=instance_uid(prediction),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=manifest.name,
        software_versions=manifest.version,
        device_serial_number=manifest.artifact.sha256,
        content_date=at.date(),
        content_time=at.time(),
        coding_schemes=[CodingSchemeIdentificationItem(SCHEME, name="Stepwedge")],
        is_complete=True,
        is_final=True,
        is_verified=False,
    )
    document.InstanceCreationDate, document.InstanceCreationTime = document.ContentDate, document.ContentTime
    for equipment in document.ContributingEquipmentSequence:
        equipment.ContributionDateTime = DT(f"{at:%Y%m%d%H%M%S.%f}+0000")
    _repeat(header, document)
    return document


def _evidence(header: Dataset) -> Dataset:
    """The film as highdicom wants to see it: its UIDs, and nothing that names the patient; `_repeat` brings that as it was written."""
    film = Dataset()
    for keyword in UIDS:
        setattr(film, keyword, header[keyword].value)
    for keyword in ("PatientID", "PatientSex", "PatientBirthDate", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(film, keyword, "")
    film.PatientName = None
    return film


def _repeat(header: Dataset, document: Dataset) -> None:
    """Patient and study byte by byte as the film has them, in its character set; the two must never look like two patients."""
    for element in header.values():
        keyword = header[element.tag].keyword
        if keyword in OF_THE_FILM or (keyword in VALID and not VALID[keyword].fullmatch(str(header[element.tag].value or ""))):
            continue
        document[element.tag] = element


def _content(subject: Subject, header: Dataset) -> MeasurementReport:
    manifest, prediction = subject.manifest, subject.prediction
    radiography = prediction.attributes.get("Modality") in RADIOGRAPHY
    observer = DeviceObserverIdentifyingAttributes(
        uid=observer_uid(manifest.artifact.sha256),
        name=f"{manifest.name} {manifest.version}",
        manufacturer_name=MANUFACTURER,
        model_name=manifest.name,
        serial_number=manifest.artifact.sha256,
    )
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=ObserverContext(codes.DCM.Device, observer)),
        procedure_reported=codes.SCT.PlainRadiography if radiography else codes.SCT.ImagingProcedure,
        imaging_measurements=[_group(subject, header, one) for one in interpret(manifest, prediction.scores.logits.tolist())],
    )
    content[0].ContentSequence.extend([_text(codes.DCM.Comment, STATEMENT), *(_text(FLAG, flag) for flag in prediction.flags)])
    return content


def _group(subject: Subject, header: Dataset, one: Interpreted) -> MeasurementsAndQualitativeEvaluations:
    """One finding: its probability, the operating point, and on which side of it the film lies."""
    concept, manifest = concept_of(one.finding), subject.manifest
    values = [(codes.DCM.Probability, one.probability), (OPERATING_POINT, one.finding.threshold)]
    if one.calibrated_probability is not None:
        values.append((CALIBRATED, one.calibrated_probability))
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=tracking_uid(subject.prediction, one.finding.name), identifier=one.finding.name),
        finding_type=concept,
        algorithm_id=AlgorithmIdentification(
            name=manifest.name, version=manifest.version, parameters=[f"artifact sha256 {manifest.artifact.sha256}"]
        ),
        measurements=[Measurement(name=name, value=round(value, DIGITS), unit=codes.UCUM.NoUnits) for name, value in values],
        qualitative_evaluations=[QualitativeEvaluation(concept, codes.SCT.Present if one.positive else codes.SCT.Absent)],
        source_images=[SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)],
    )


def _text(name: CodedConcept, value: str) -> TextContentItem:
    return TextContentItem(name=name, value=value, relationship_type=RelationshipTypeValues.CONTAINS)


def _written(document: Dataset) -> bytes:
    body = BytesIO()
    dcmwrite(body, document, enforce_file_format=True)
    return body.getvalue()
