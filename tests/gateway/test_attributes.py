"""What is read of a header is on one list, clean, and in one unit; the rest is never looked at."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from service.domain import AttributeValue
from service.gateway.attributes import ALLOWED, LONGEST, NO_AGE, OLDEST, TAGS, age, code, read_attributes, sex, view
from service.gateway.decode import WANTED
from service.gateway.elements import Element
from service.gateway.geometry import GEOMETRY
from service.gateway.header import HEADER
from service.gateway.limits import Limits
from service.gateway.modality import MODALITY
from tests.films import NAMES, make_dataset, make_film, write_film
from tests.gateway.decoding import decode

KVP, PATIENT_AGE, ROWS = 0x00180060, 0x00101010, 0x00280010


def read(**attributes: Any) -> dict[str, AttributeValue]:
    return dict(decode(make_film(**attributes), Limits()).attributes)


def read_raw(tag: int, vr: str, value: bytes, *, little: bool = True) -> dict[str, AttributeValue]:
    """The attributes of a header of one element."""
    return dict(read_attributes({tag: Element(vr, memoryview(value), little)}, "latin-1"))


@settings(deadline=None)
@given(st.text())
def test_a_code_is_short_upper_case_and_clean(value: str) -> None:
    cleaned = code(value)
    if cleaned is not None:
        assert 0 < len(cleaned) <= LONGEST
        assert cleaned == " ".join(cleaned.split())
        assert code(cleaned) == cleaned or len(cleaned) == LONGEST


@settings(deadline=None)
@given(st.text(alphabet="ABCDEFG abcdefg_-", max_size=80), st.text(alphabet=" \t", max_size=3))
def test_case_and_space_make_no_new_category(value: str, space: str) -> None:
    assert code(value) == code(value.lower()) == code(space + value + space)


@pytest.mark.parametrize(
    "value", ["PA", "pa", " PA ", "POSTEROANTERIOR", "Postero-Anterior", "POSTERO_ANTERIOR", "postero anterior", "POSTERIOR-ANTERIOR"]
)
def test_every_spelling_of_a_view_is_one_view(value: str) -> None:
    assert view(value) == "PA"


def test_a_view_that_is_not_known_is_kept_as_it_is() -> None:
    assert (view("LLO"), view("AP AXIAL"), view(""), view("12")) == ("LLO", "AP AXIAL", None, "12")


@settings(deadline=None)
@given(st.integers(0, 999), st.sampled_from("DWMY"))
def test_an_age_is_in_years_and_never_above_the_cap(number: int, unit: str) -> None:
    years = age(f"{number:03d}{unit}")
    exact = number * {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1}[unit]
    if exact > NO_AGE:
        assert years is None
    else:
        assert years == pytest.approx(min(exact, OLDEST), abs=0.006)


@settings(deadline=None)
@given(st.text(max_size=8))
def test_what_is_no_age_is_none(value: str) -> None:
    years = age(value)
    assert years is None or 0 <= years <= OLDEST


@pytest.mark.parametrize(
    ("value", "expected"), [("M", "M"), ("f", "F"), ("FEMALE", "F"), (" O ", "O"), ("U", None), ("", None), ("MF", None)]
)
def test_sex_is_one_of_three_or_not_said(value: str, expected: str | None) -> None:
    assert sex(value) == expected


@settings(deadline=None)
@given(st.binary(max_size=40), st.sampled_from(["", "UN", "DS", "IS", "US", "SS", "UL", "FL", "FD", "LO", "SQ", "XX"]), st.booleans())
def test_no_bytes_in_any_type_are_more_than_a_clean_value(value: bytes, vr: str, little: bool) -> None:  # noqa: FBT001 (drawn by hypothesis)
    for tag in TAGS:
        for attribute in read_raw(tag, vr, value, little=little).values():
            if isinstance(attribute, float):
                assert math.isfinite(attribute)
            elif attribute is not None:
                assert attribute
                assert attribute.isprintable()
                assert len(attribute) <= LONGEST


@settings(deadline=None)
@given(st.floats(10, 500))
def test_a_number_is_read_from_whatever_type_it_was_written_in(value: float) -> None:
    for vr, raw in (
        ("DS", f"{value:.6f}".encode()),
        ("FL", struct.pack("<f", value)),
        ("FD", struct.pack("<d", value)),
        ("LO", f" {value:.6f} ".encode()),
    ):
        assert read_raw(KVP, vr, raw)["KVP"] == pytest.approx(value, rel=1e-5)
    assert read_raw(KVP, "FD", struct.pack(">d", value), little=False)["KVP"] == value


@pytest.mark.parametrize(
    "value", [b"nan", b"inf", b"1e999", b"1_2", b"0x50", b"12,5", b"-120", b"1e9", b"abc", b"", b"\\", b" ", b"\xff\xfe"]
)
def test_a_number_that_is_none_or_cannot_be_is_not_said(value: bytes) -> None:
    assert read_raw(KVP, "DS", value)["KVP"] is None


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_film_says_the_same_in_every_native_syntax(syntax: str) -> None:
    assert read(syntax=syntax) == read() | {"PhotometricInterpretation": "MONOCHROME2"}


def test_the_first_of_several_values_counts_except_for_software() -> None:
    attributes = read(PixelSpacing=["0.2", "0.3"], WindowCenter=["100", "200"], SoftwareVersions=["A 1", "b2"], BodyPartExamined="CHEST")
    assert (attributes["PixelSpacing"], attributes["WindowCenter"], attributes["SoftwareVersions"]) == (0.2, 100.0, "A 1/B2")


def test_an_attribute_that_is_missing_is_taken_from_the_one_that_says_the_same() -> None:
    assert read(PixelSpacing=None, ImagerPixelSpacing=["0.143", "0.143"])["PixelSpacing"] == 0.143
    assert read(PixelSpacing=["0.5", "0.5"], ImagerPixelSpacing=["0.143", "0.143"])["PixelSpacing"] == 0.5
    assert read(Exposure=None, ExposureInuAs="2500")["Exposure"] == 2.5
    assert read(XRayTubeCurrent=None, XRayTubeCurrentInuA="320000")["XRayTubeCurrent"] == 320.0
    assert read(ImageLaterality=None, Laterality="L")["ImageLaterality"] == "L"


def test_what_a_film_does_not_say_is_none_and_every_attribute_is_there() -> None:
    attributes = read(PatientAge=None, PatientSex="", KVP=None)
    assert list(attributes) == [attribute.keyword for attribute in ALLOWED]
    assert [attributes[keyword] for keyword in ("PatientAge", "PatientSex", "KVP", "ExposureIndex")] == [None] * 4


def test_control_characters_and_foreign_letters_come_through_clean() -> None:
    dataset = make_dataset(SpecificCharacterSet="ISO_IR 192", Manufacturer="Röntgen  Ñandú Ω", ManufacturerModelName="Model\x1b X\x00")
    attributes = decode(write_film(dataset), Limits()).attributes
    assert (attributes["Manufacturer"], attributes["ManufacturerModelName"]) == ("RÖNTGEN ÑANDÚ Ω", "MODEL X")


@pytest.mark.parametrize(
    "charset", [b"ISO_IR 999", b"utf-7", b"\xff\xff", b"ISO 2022 IR 87\\ISO 2022 IR 159", b"\\ISO 2022 IR 149", b"GB18030", b""]
)
def test_no_character_set_is_more_than_odd_letters(charset: bytes) -> None:
    film = make_film(SpecificCharacterSet="ISO_IR 100")
    old = struct.pack("<HH2sH", 8, 5, b"CS", 10) + b"ISO_IR 100"
    assert old in film
    padded = charset + b" " * (len(charset) % 2)
    image = decode(film.replace(old, struct.pack("<HH2sH", 8, 5, b"CS", len(padded)) + padded), Limits())
    assert image.attributes["Manufacturer"] == "ACME IMAGING"


def test_private_nested_and_personal_elements_are_never_looked_at() -> None:
    inner = Dataset()
    inner.Manufacturer, inner.PatientID = "INNER", "INNER"
    dataset = make_dataset(PatientBirthDate="19790527", StudyDescription="Thorax of Agathe", ReferencedImageSequence=Sequence([inner]))
    dataset.private_block(0x0009, "ACME", create=True).add_new(1, "LO", "Agathe")
    image = decode(write_film(dataset), Limits())
    kept = " ".join(
        str(value) for keyword, value in image.attributes.items() if keyword not in ("StationName", "DeviceSerialNumber", "DetectorID")
    )
    assert not any(name.upper() in kept.upper() for name in (*NAMES, "INNER", "19790527"))
    assert "INNER" not in str(image.attributes["Manufacturer"])


def test_the_reader_wants_no_element_that_could_name_a_person_beside_the_identity() -> None:
    never = {0x00080080, 0x00080081, 0x00080090, 0x00081030, 0x0008103E, 0x00181030, 0x00104000, 0x00101040, 0x00081070}
    name, birth_date, study_date = 0x00100010, 0x00100030, 0x00080020
    assert not never & WANTED
    assert {name, birth_date, study_date} <= HEADER
    assert not {name, birth_date, study_date} & (TAGS | GEOMETRY | MODALITY)
    assert all(tag >> 16 & 1 == 0 for tag in WANTED)
