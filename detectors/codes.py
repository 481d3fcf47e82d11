"""Codes: two spellings of one value are one value, or a renaming looks like drift."""

from __future__ import annotations

from collections.abc import Mapping

CODED = frozenset(
    {
        "BodyPartExamined",
        "Laterality",
        "LossyImageCompression",
        "Modality",
        "PatientOrientation",
        "PatientSex",
        "PhotometricInterpretation",
        "PresentationIntentType",
        "ViewPosition",
    }
)
"""Attributes of the DICOM value representation CS, where case never carries meaning (PS3.5, 6.2)."""

SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "BodyPartExamined": {"THORAX": "CHEST", "CHEST PA": "CHEST", "CHEST AP": "CHEST", "CHEST LAT": "CHEST"},
    "LossyImageCompression": {"0": "00", "1": "01", "NO": "00", "YES": "01"},
    "PatientSex": {"MALE": "M", "FEMALE": "F", "OTHER": "O"},
    "ViewPosition": {
        "POSTEROANTERIOR": "PA",
        "POSTERO-ANTERIOR": "PA",
        "POSTERO_ANTERIOR": "PA",
        "ANTEROPOSTERIOR": "AP",
        "ANTERO-POSTERIOR": "AP",
        "ANTERO_POSTERIOR": "AP",
        "LATERAL": "LAT",
        "LEFT LATERAL": "LL",
        "RIGHT LATERAL": "RL",
    },
}


def normalise(feature: str, value: object) -> str | None:
    """Return the one spelling of a value, None where the film does not say.

    >>> normalise("ViewPosition", " posteroanterior "), normalise("ViewPosition", "PA"), normalise("Manufacturer", "Acme ")
    ('PA', 'PA', 'Acme')
    >>> normalise("ViewPosition", "") is None
    True
    """
    text = "" if value is None else " ".join(str(value).split())
    if feature in CODED:
        text = text.upper()
    return SYNONYMS.get(feature, {}).get(text, text) or None
