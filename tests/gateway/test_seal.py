"""What a report needs of a film's identity leaves the gateway sealed, as the film wrote it, or not at all."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from service.errors import ReportGoneError
from service.gateway.attributes import REPORTED
from service.gateway.header import NEEDED, header_of
from service.gateway.limits import Limits
from service.gateway.seal import Sealer
from tests.films import NAMES, PATIENT, PATIENT_ID, make_film
from tests.gateway.decoding import decode

SECRET = b"k" * 32


def header(**attributes: Any) -> bytes:
    return decode(make_film(**attributes), Limits()).identity.header


def read(raw: bytes) -> Dataset:
    return dcmread(BytesIO(raw), force=True)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_header_is_what_a_report_repeats_and_nothing_else(syntax: str) -> None:
    dataset = read(header(syntax=syntax, PatientBirthDate="19790527", StudyDate="20260302", ReferringPhysicianName="Dr^Who"))
    assert {element.keyword for element in dataset} <= set(REPORTED)
    assert (dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate) == (PATIENT, PATIENT_ID, "19790527")
    assert dataset.StudyInstanceUID.startswith("1.2.826")


def test_a_name_in_another_script_stays_as_it_was_written() -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    dataset = read(header(SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName=name))
    assert dataset.PatientName == name


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_a_film_that_does_not_name_its_study_or_series_has_no_header(keyword: str) -> None:
    assert header(**{keyword: None}) == b""


def test_elements_that_are_missing_empty_or_far_too_long_are_no_header() -> None:
    assert header_of({}) == b""
    with pytest.warns(UserWarning, match="maximum length"):
        film = make_film(PatientID="P" * 2000)
    assert read(decode(film, Limits()).identity.header).PatientID == ""
    assert len(NEEDED) == 4


@given(st.binary(max_size=64))
def test_what_is_sealed_opens_for_its_prediction_only(content: bytes) -> None:
    sealer, prediction = Sealer(SECRET), uuid4()
    sealed = sealer.seal(prediction, b"head" + content)
    assert sealed is not None
    assert sealer.open(prediction, sealed.header) == b"head" + content
    for opener, other in ((sealer, uuid4()), (Sealer(b"K" * 32), prediction)):
        with pytest.raises(ReportGoneError):
            opener.open(other, sealed.header)


def test_what_was_changed_or_cut_short_does_not_open() -> None:
    sealer, prediction = Sealer(SECRET), uuid4()
    sealed = sealer.seal(prediction, b"header")
    assert sealed is not None
    for spoiled in (b"", sealed.header[:8], sealed.header[:-1], sealed.header[:-1] + bytes([sealed.header[-1] ^ 1])):
        with pytest.raises(ReportGoneError):
            sealer.open(prediction, spoiled)


def test_sealing_shows_nothing_and_never_the_same_twice() -> None:
    sealer, prediction, raw = Sealer(SECRET, push=True), uuid4(), header()
    one, two = sealer.seal(prediction, raw), sealer.seal(prediction, raw)
    assert one is not None
    assert two is not None
    assert one.header != two.header
    assert one.push
    assert not any(name.encode() in one.header for name in NAMES)


def test_where_there_is_no_header_nothing_is_sealed() -> None:
    assert Sealer(SECRET).seal(uuid4(), b"") is None
