"""Names of everything a model can be monitored on: acquisition attributes by DICOM keyword, image statistics in snake_case."""

from __future__ import annotations

CATEGORICAL = (
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "StationName",
    "DeviceSerialNumber",
    "DetectorID",
    "DetectorType",
    "Modality",
    "BodyPartExamined",
    "ViewPosition",
    "ImageLaterality",
    "PatientSex",
    "PhotometricInterpretation",
    "PresentationIntentType",
    "LossyImageCompression",
    "ExposureControlMode",
)

MEASURED = (
    "PatientAge",
    "Rows",
    "Columns",
    "BitsStored",
    "PixelSpacing",
    "KVP",
    "Exposure",
    "ExposureTime",
    "XRayTubeCurrent",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "ExposureIndex",
    "TargetExposureIndex",
    "DeviationIndex",
    "Sensitivity",
    "RelativeXRayExposure",
    "ImageAndFluoroscopyAreaDoseProduct",
    "WindowCenter",
    "WindowWidth",
)

STATISTICS = (
    "mean_level",
    "spread",
    "low_level",
    "median_level",
    "high_level",
    "entropy",
    "share_at_bottom",
    "share_at_top",
    "sharpness",
    "noise",
    "asymmetry",
    "border_level",
)

NUMERIC = MEASURED + STATISTICS

FLAGS = (
    "constant",
    "saturated",
    "clipped",
    "inverted",
    "near_duplicate",
    "out_of_distribution",
)
"""What may be plainly wrong with a film, in the order in which a prediction lists it; service/gateway/flags.py says when."""

SUBGROUPS = ("site", "age_band", *CATEGORICAL)
