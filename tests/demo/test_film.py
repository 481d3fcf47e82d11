from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from service.demo.film import encode, film_of, instance_uid, pixels_of
from service.demo.scanner import SOUTH
from service.gateway.limits import Limits
from tests.components import component
from tests.demo.builders import make_study
from tests.gateway.decoding import decode


def _read(**changes: Any) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(film_of(make_study(**changes))))


def test_the_gateway_reads_what_the_detector_saw() -> None:
    study = make_study()
    image = decode(film_of(study), Limits())
    assert np.array_equal(image.pixels, pixels_of(study).astype(np.float32))
    assert image.span == (0.0, 4095.0)
    assert image.attributes["ManufacturerModelName"] is not None
    assert image.attributes["ViewPosition"] == "PA"
    assert image.attributes["PatientAge"] == 50.0


def test_a_film_names_its_room_and_nobody() -> None:
    film = _read(scanner=SOUTH, site="south")
    assert (film.Manufacturer, film.ManufacturerModelName, film.SoftwareVersions) == ("Phantom Works", "Clarity", "7.0")
    assert str(film.PatientName) == "DEMO^SYNTHETIC"
    assert film.PatientID.startswith("DEMO-")
    assert film.PatientBirthDate == ""


def test_what_a_film_does_not_state_is_absent() -> None:
    film = _read(missing=frozenset({"PatientAge", "ExposureIndex"}))
    assert "PatientAge" not in film
    assert "ExposureIndex" not in film
    assert "ViewPosition" in film


def test_uids_are_valid_and_differ_by_study() -> None:
    film, other = _read(), _read(number=8)
    uids = {film.SOPInstanceUID, film.SeriesInstanceUID, film.StudyInstanceUID, other.SOPInstanceUID}
    assert len(uids) == 4
    assert all(pydicom.uid.UID(uid).is_valid and uid.startswith("2.25.") for uid in uids)
    assert film.SOPInstanceUID == instance_uid(make_study())


def test_a_more_exposed_film_says_so() -> None:
    usual, more = _read(), _read(dose=2.0)
    assert more.ExposureIndex == pytest.approx(2 * usual.ExposureIndex)
    assert more.DeviationIndex == pytest.approx(usual.DeviationIndex + 3.01, abs=0.02)


def test_the_same_study_is_the_same_file() -> None:
    assert film_of(make_study()) == film_of(replace(make_study()))


def test_dcmtk_reads_a_film_without_a_complaint(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(film_of(make_study()))
    said = subprocess.run([component("dcmdump"), path], capture_output=True, text=True, check=True)
    assert "=DigitalXRayImageStorageForPresentation" in said.stdout
    assert said.stderr == ""


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_a_film_has_all_that_its_iod_demands(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(film_of(make_study()))
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert "DXImageForPresentation" in said.stderr + said.stdout
    assert "Error" not in said.stderr + said.stdout


def test_pixels_of_another_shape_are_written_as_they_are() -> None:
    pixels = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)
    assert np.array_equal(decode(encode(make_study(), pixels), Limits()).pixels, pixels.astype(np.float32))
