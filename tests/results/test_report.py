"""A report is a valid structured report in the study of its film, says who speaks, and is always the same bytes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from highdicom.sr import Comprehensive3DSR, MeasurementsAndQualitativeEvaluations, srread
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from service.errors import NoReportError
from service.gateway.limits import Limits
from service.results.codes import CALIBRATED, FLAG, OPERATING_POINT
from service.results.report import STATEMENT, report
from service.results.subject import Subject
from tests.components import component
from tests.films import ACCESSION, PATIENT, PATIENT_ID, make_film
from tests.gateway.decoding import decode
from tests.results.subjects import INSTANCE, PNEUMOTHORAX, SERIES, STUDY, make_manifest, make_subject
from tests.store.builders import AT


def read(subject: Subject) -> Dataset:
    return dcmread(BytesIO(report(subject)))


def document(subject: Subject) -> Comprehensive3DSR:
    read_back = srread(BytesIO(report(subject)))
    assert isinstance(read_back, Comprehensive3DSR)
    return read_back


def groups(subject: Subject) -> list[MeasurementsAndQualitativeEvaluations]:
    content = document(subject).content
    return list(content.get_image_measurement_groups())  # type: ignore[attr-defined] # TID 1500 content is a MeasurementReport


def texts(subject: Subject) -> dict[tuple[str, str], str]:
    """Texts that the report contains, by scheme and code of their name."""
    return {
        (item.ConceptNameCodeSequence[0].CodingSchemeDesignator, item.ConceptNameCodeSequence[0].CodeValue): item.TextValue
        for item in read(subject).ContentSequence
        if (item.ValueType, item.RelationshipType) == ("TEXT", "CONTAINS")
    }


def test_a_report_lies_with_the_patient_in_the_study_of_its_film_and_refers_to_it() -> None:
    dataset = read(make_subject())
    assert (dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex) == (PATIENT, PATIENT_ID, "19790527", "F")
    assert (dataset.StudyInstanceUID, dataset.AccessionNumber, dataset.StudyID) == (STUDY, ACCESSION, "7")
    assert (dataset.StudyDate, dataset.StudyTime) == ("20260302", "101530")
    assert dataset.SeriesInstanceUID != SERIES
    assert dataset.SOPInstanceUID != INSTANCE
    series = dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert (series.SeriesInstanceUID, series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) == (SERIES, INSTANCE)
    assert [group.source_images[0].referenced_sop_instance_uid for group in groups(make_subject())] == 2 * [INSTANCE]


def test_each_finding_has_its_probability_its_operating_point_and_the_decision() -> None:
    first, second = groups(make_subject())
    assert [(m.name, m.value) for m in first.get_measurements()] == [(codes.DCM.Probability, 0.5), (OPERATING_POINT, 0.25)]
    assert [(m.name, round(m.value, 4)) for m in second.get_measurements()] == [(codes.DCM.Probability, 0.1192), (OPERATING_POINT, 0.5)]
    assert {m.unit for group in (first, second) for m in group.get_measurements()} == {codes.UCUM.NoUnits}
    assert [e.value for group in (first, second) for e in group.get_qualitative_evaluations()] == [codes.SCT.Present, codes.SCT.Absent]


def test_a_finding_is_called_what_its_model_says_or_by_its_name_in_the_private_scheme() -> None:
    types = [group.finding_type for group in groups(make_subject())]
    assert [(one.scheme_designator, one.value) for one in types if one] == [
        ("SCT", PNEUMOTHORAX["value"]),
        ("99STEPWEDGE", "enlarge-77c09585"),
    ]


def test_a_calibrated_probability_is_told_beside_the_one_that_is_decided_on() -> None:
    manifest = make_manifest(calibration={"slope": 2.0, "intercept": -1.0})
    first, second = groups(make_subject(manifest))
    assert [round(m.value, 6) for m in first.get_measurements(name=CALIBRATED)] == [0.268941]
    assert second.get_measurements(name=CALIBRATED) == []


def test_a_report_says_which_model_of_which_version_speaks() -> None:
    items = {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.TextValue
        for item in groups(make_subject())[0][0].ContentSequence
        if item.ValueType == "TEXT"
    }
    assert (items["Algorithm Name"], items["Algorithm Version"]) == ("chest", "3")
    assert items["Algorithm Parameters"] == f"artifact sha256 {'ab' * 32}"


def test_a_report_says_that_it_is_software_and_unverified_and_what_is_wrong_with_the_film() -> None:
    subject = make_subject(prediction={"flags": ("saturated",)})
    assert read(subject).VerificationFlag == "UNVERIFIED"
    assert texts(subject) == {("DCM", "121106"): STATEMENT, ("99STEPWEDGE", FLAG.value): "saturated"}
    assert "unverified" in read(subject).SeriesDescription


def test_the_same_prediction_gives_the_same_bytes_and_another_one_another_object_in_the_same_series() -> None:
    subject = make_subject()
    other = replace(subject, prediction=replace(subject.prediction, id=uuid4(), received_at=AT + timedelta(minutes=1)))
    assert report(subject) == report(subject)
    one, two = read(subject), read(other)
    assert one.SeriesInstanceUID == two.SeriesInstanceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.SOPInstanceUID.startswith("2.25.")


def test_moments_are_those_of_the_prediction() -> None:
    dataset = read(make_subject())
    assert (dataset.ContentDate, dataset.ContentTime) == (f"{AT:%Y%m%d}", f"{AT:%H%M%S}")
    assert (dataset.InstanceCreationDate, dataset.InstanceCreationTime) == (dataset.ContentDate, dataset.ContentTime)


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "M\u00fcller^\u00c4gathe"),
        ("ISO_IR 100", "M\u00fcller^\u00c4gathe"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=\u6d2a^\u5409\u6d1e"),
    ],
)
def test_a_name_is_repeated_as_it_was_written(charset: str | list[str], name: str) -> None:
    assert read(make_subject(SpecificCharacterSet=charset, PatientName=name)).PatientName == name


@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
def test_what_a_film_writes_against_its_type_is_left_out_unless_it_names_the_patient(caplog: pytest.LogCaptureFixture) -> None:
    subject = make_subject(PatientBirthDate="27.5.79", PatientSex="female", StudyTime="noon", PatientID="P" * 70, PatientName="Agathe")
    caplog.clear()
    body = report(subject)
    assert caplog.text == ""
    dataset = dcmread(BytesIO(body))
    assert (dataset.PatientBirthDate, dataset.PatientSex, dataset.StudyTime) == ("", "", "")
    assert (dataset.PatientID, dataset.PatientName) == ("P" * 70, "Agathe")


def test_a_character_set_that_nobody_knows_is_not_claimed() -> None:
    film = make_film().replace(b"ISO_IR 100", b"ISO_IR 999")
    spoiled = replace(make_subject(), header=decode(film, Limits()).identity.header)
    assert "SpecificCharacterSet" not in read(spoiled)
    assert read(spoiled).PatientID == PATIENT_ID


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_a_film_whose_uid_is_none_has_no_report() -> None:
    with pytest.raises(NoReportError):
        report(make_subject(StudyInstanceUID="study of Agathe"))


def test_the_validator_of_dicom3tools_finds_no_error(tmp_path: Path) -> None:
    validator = component("dciodvfy")
    flagged = make_subject(make_manifest(calibration={"slope": 2.0}), {"flags": ("clipped", "saturated")}, SpecificCharacterSet=None)
    for number, subject in enumerate((make_subject(), flagged)):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(report(subject))
        said = subprocess.run([validator, path], capture_output=True, text=True, check=False)
        assert (said.returncode, "Error" in said.stderr, "Comprehensive3DSR" in said.stderr) == (0, False, True), said.stderr


def test_dcmtk_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(report(make_subject()))
    said = subprocess.run([component("dsrdump"), path], capture_output=True, text=True, check=True).stdout
    for line in (
        'NUM:(,,"Probability")="0.5" (1,UCUM,"no units")',
        'CODE:(,,"Finding")=(36118008,SCT,"Pneumothorax")',
        'CODE:(,,"Pneumothorax")=(52101004,SCT,"Present")',
        "Verification Flag   : UNVERIFIED",
    ):
        assert line in said
