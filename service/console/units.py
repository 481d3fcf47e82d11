"""Units: of the numbers that films carry, and what image statistics mean."""

from __future__ import annotations

from collections.abc import Mapping

UNITS: Mapping[str, str] = {
    "PatientAge": "years",
    "Rows": "pixels",
    "Columns": "pixels",
    "BitsStored": "bits",
    "PixelSpacing": "mm",
    "KVP": "kV",
    "Exposure": "mAs",
    "ExposureTime": "ms",
    "XRayTubeCurrent": "mA",
    "DistanceSourceToDetector": "mm",
    "DistanceSourceToPatient": "mm",
    "ImageAndFluoroscopyAreaDoseProduct": "dGy cm²",
    "entropy": "bits",
    "share_at_bottom": "share of pixels",
    "share_at_top": "share of pixels",
    "embedding_distance": "distance from what the reference held",
}


def unit_of(feature: str) -> str:
    """The unit; else the feature's name.

    >>> unit_of("KVP"), unit_of("sharpness")
    ('kV', 'sharpness')
    """
    return UNITS.get(feature, feature.replace("_", " "))
