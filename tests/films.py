"""Synthetic DX films with defaults: say only what the test is about."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless, generate_uid

Stored = NDArray[np.integer[Any]]
BYTE = 8
PATIENT = "Zimmermann^Agathe"
PATIENT_ID = "PID-4711-0815"
ACCESSION = "ACC20260302-99"
STATION = "XR-ROOM-7-BERGEN"
SERIAL = "SN-55-12345-7"
DETECTOR = "DET-QQ-987"
INSTITUTION = "Haukeland Testsykehus"
ENCODERS = {RLELossless: "pylibjpeg"}
NAMES = (PATIENT, PATIENT_ID, ACCESSION, STATION, SERIAL, DETECTOR, INSTITUTION, "Zimmermann", "Agathe")
"""What must never be found in a database, a log, a metric or a reply; with the UIDs of the film."""


def phantom(rows: int = 96, columns: int = 80, *, bits: int = 12, seed: int = 0) -> NDArray[np.uint16]:
    """Stored pixels of a film that looks a little like a chest, uint16 below 2 ** bits."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    body = 0.75 * (x**2 + 0.6 * y**2 < 0.8)
    lungs = sum(0.4 * (((x - side * 0.38) / 0.25) ** 2 + (y / 0.6) ** 2 < 1) for side in (-1, 1))
    grain = np.random.default_rng(seed).normal(0.0, 0.01, (rows, columns))
    film: NDArray[np.float64] = (0.1 + body - lungs + 0.1 * y + grain) * (2**bits - 1)
    return np.clip(film, 0, 2**bits - 1).astype(np.uint16)


def make_dataset(pixels: Stored | None = None, **attributes: object) -> Dataset:
    """A DX data set, explicit VR little endian, not yet written; an attribute that is None is left out."""
    pixels = phantom() if pixels is None else pixels
    dataset = Dataset()
    defaults: dict[str, object] = {
        "SpecificCharacterSet": "ISO_IR 100",
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "PatientName": PATIENT,
        "PatientID": PATIENT_ID,
        "PatientSex": "F",
        "PatientAge": "047Y",
        "AccessionNumber": ACCESSION,
        "InstitutionName": INSTITUTION,
        "StationName": STATION,
        "DeviceSerialNumber": SERIAL,
        "DetectorID": DETECTOR,
        "Manufacturer": "Acme Imaging",
        "ManufacturerModelName": "Radiant 5",
        "SoftwareVersions": ["3.1", "b7"],
        "Modality": "DX",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PresentationIntentType": "FOR PRESENTATION",
        "KVP": "120",
        "Exposure": "2",
        "ImagerPixelSpacing": ["0.143", "0.143"],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": BYTE * pixels.dtype.itemsize,
        "BitsStored": min(12, BYTE * pixels.dtype.itemsize),
        "HighBit": min(12, BYTE * pixels.dtype.itemsize) - 1,
        "PixelRepresentation": 0,
        "LossyImageCompression": "00",
        "PixelData": pixels.astype(pixels.dtype.newbyteorder("<")).tobytes(),
    }
    for keyword, value in {**defaults, **attributes}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > BYTE else "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def write_film(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, **encoder: Any) -> bytes:
    """The data set as a part 10 file in another transfer syntax; `encoder` goes to pydicom's compress()."""
    target = UID(syntax)
    if target.is_compressed and target.is_encapsulated:
        # gdcm's encoder aborts the process on odd sizes
        dataset.compress(target, generate_instance_uid=False, **{"encoding_plugin": ENCODERS.get(target, ""), **encoder})
    elif target == ExplicitVRBigEndian and dataset.BitsAllocated > BYTE:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = target
    body = BytesIO()
    dcmwrite(body, dataset, enforce_file_format=True)
    return body.getvalue()


def make_film(pixels: Stored | None = None, *, syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> bytes:
    """A DX film as a modality would send it: `make_film(PatientAge=None, ViewPosition="LL", syntax=RLELossless)`."""
    return write_film(make_dataset(pixels, **attributes), syntax)
