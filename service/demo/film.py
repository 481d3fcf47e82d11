"""From a study to the bytes of its film: a DX image as a modality would send it, with a person in it who plainly does not exist."""

from __future__ import annotations

from io import BytesIO
from math import log10
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from service.demo.phantom import attenuation
from service.demo.population import Study
from service.demo.scanner import BITS, expose

IMPLEMENTATION = UID(f"2.25.{uuid5(NAMESPACE_OID, 'stepwedge demo').int}")
TARGET_EXPOSURE_INDEX = 300.0


def film_of(study: Study) -> bytes:
    """The DICOM file of a study; the same bytes for the same study."""
    return encode(study, pixels_of(study))


def pixels_of(study: Study) -> NDArray[np.uint16]:
    """What the detector saw, uint16 [rows, columns]."""
    rng = np.random.default_rng(study.grain)
    return expose(attenuation(study.chest, rng), study.scanner, study.dose, rng)


def instance_uid(study: Study) -> str:
    """SOP Instance UID of a study's only film."""
    return _uid(study, "instance")


def encode(study: Study, pixels: NDArray[np.uint16]) -> bytes:
    """A DICOM file, explicit VR little endian, of these pixels and this study's attributes."""
    dataset = Dataset()
    _identity(dataset, study)
    _equipment(dataset, study)
    _acquisition(dataset, study)
    _image(dataset, pixels)
    for keyword in study.missing:
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.file_meta = _meta(dataset.SOPInstanceUID)
    body = BytesIO()
    dcmwrite(body, dataset, enforce_file_format=True)
    return body.getvalue()


def _uid(study: Study, role: str) -> str:
    return f"2.25.{uuid5(NAMESPACE_OID, f'stepwedge demo {study.patient} {study.number} {role}').int}"


def _meta(instance: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID(instance)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = "STEPWEDGE_DEMO"
    return meta


def _identity(dataset: Dataset, study: Study) -> None:
    date, time = study.received_at.strftime("%Y%m%d"), study.received_at.strftime("%H%M%S")
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = instance_uid(study)
    dataset.StudyInstanceUID = _uid(study, "study")
    dataset.SeriesInstanceUID = _uid(study, "series")
    dataset.PatientName = "DEMO^SYNTHETIC"
    dataset.PatientID = f"DEMO-{study.patient}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "F" if study.chest.female else "M"
    dataset.PatientAge = f"{study.age:03d}Y"
    dataset.AccessionNumber = f"DEMO{study.number:08d}"
    dataset.StudyID = "DEMO"
    dataset.ReferringPhysicianName = ""
    for level in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{level}Date", date)
        setattr(dataset, f"{level}Time", time)
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.StudyDescription = "Synthetic chest, not a patient"


def _equipment(dataset: Dataset, study: Study) -> None:
    scanner = study.scanner
    dataset.Manufacturer = scanner.manufacturer
    dataset.ManufacturerModelName = scanner.model
    dataset.SoftwareVersions = scanner.software
    dataset.StationName = scanner.name
    dataset.DetectorID = scanner.detector
    dataset.DetectorType = "DIRECT"
    dataset.PositionerType = "COLUMN"
    dataset.InstitutionName = f"Demo hospital {study.site}"
    dataset.ImagerPixelSpacing = [scanner.spacing, scanner.spacing]


def _acquisition(dataset: Dataset, study: Study) -> None:
    scanner, load = study.scanner, study.dose * study.chest.girth**2
    index = scanner.exposure_index * study.dose
    dataset.Modality = "DX"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = study.view
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageLaterality = "U"
    dataset.KVP = scanner.kvp
    dataset.Exposure = max(round(scanner.mas * load), 1)
    dataset.ExposureInuAs = round(1000 * scanner.mas * load)
    dataset.DistanceSourceToDetector = scanner.distance
    dataset.ExposureIndex = round(index, 1)
    dataset.TargetExposureIndex = TARGET_EXPOSURE_INDEX
    dataset.DeviationIndex = round(10.0 * log10(index / TARGET_EXPOSURE_INDEX), 2)
    dataset.AnatomicRegionSequence = [_code("51185008", "SCT", "Chest")]
    dataset.ViewCodeSequence = [
        _code("399348003", "SCT", "Antero-posterior") if study.view == "AP" else _code("399132005", "SCT", "Postero-anterior")
    ]
    dataset.AcquisitionContextSequence = []


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _image(dataset: Dataset, pixels: NDArray[np.uint16]) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, BITS, BITS - 1, 0
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.WindowCenter, dataset.WindowWidth = str(2 ** (BITS - 1)), str(2**BITS)
    dataset.LossyImageCompression, dataset.BurnedInAnnotation = "00", "NO"
    dataset.PixelData = pixels.astype("<u2", copy=False).tobytes()
