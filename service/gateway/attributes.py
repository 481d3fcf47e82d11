"""The allow-list: all that is ever read from a film's header besides its pixels, its identity and how to decode it.

Institutions, descriptions, protocol names, comments and private tags are not on it and are never looked at.
What is text on it is whatever somebody typed: `vocabulary` has the rule of which words are kept as they are and which as keyed categories.
What a report repeats (REPORTED) is kept sealed, apart and for some days only, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from service.domain import AttributeValue
from service.gateway.dictionary import DICTIONARY
from service.gateway.elements import Element
from service.gateway.makers import maker
from service.gateway.terms import TERMS
from service.gateway.values import first_number, first_text, text

LONGEST = 64
OLDEST = 90.0
"""Ages above are capped: there are so few that the age alone would name a person."""
NO_AGE = 130.0
"""Ages above are placeholders ("999Y"), not ages."""

Reader = Callable[[Element, str, str], AttributeValue]
"""(element, dictionary VR, charset) -> clean value."""


def code(value: str) -> str | None:
    """A coded value: upper case, single spaces, at most 64 printable characters.

    >>> code("  chest "), code(""), code("Digital  Diagnost")
    ('CHEST', None, 'DIGITAL DIAGNOST')
    """
    return " ".join(value.upper().split())[:LONGEST].rstrip() or None


def folded(value: str) -> str:
    """Letters and digits alone.

    >>> folded("C-SPINE"), folded("P->A")
    ('CSPINE', 'PA')
    """
    return re.sub(r"[^A-Z0-9]", "", value)


def _by_folded(keyword: str, spellings: Mapping[str, str]) -> Mapping[str, str]:
    return {**{folded(term): term for term in TERMS[keyword]}, **spellings}


VIEWS: Final = _by_folded(
    "ViewPosition",
    {
        "POSTEROANTERIOR": "PA",
        "POSTERIORANTERIOR": "PA",
        "ANTEROPOSTERIOR": "AP",
        "ANTERIORPOSTERIOR": "AP",
        "LEFTLATERAL": "LL",
        "LATERALLEFT": "LL",
        "RIGHTLATERAL": "RL",
        "LATERALRIGHT": "RL",
        "LAT": "LATERAL",
        "OBL": "OBLIQUE",
    },
)
PARTS: Final = _by_folded(
    "BodyPartExamined",
    {
        "CHESTPA": "CHEST",
        "CHESTAP": "CHEST",
        "CHESTLAT": "CHEST",
        "CERVICALSPINE": "CSPINE",
        "THORACICSPINE": "TSPINE",
        "LUMBARSPINE": "LSPINE",
    },
)


def view(value: str) -> str | None:
    """A view position, spelled out or not, as its short code.

    >>> view("PA"), view("Postero-Anterior"), view("P->A"), view("ANTEROPOSTERIOR"), view("LL")
    ('PA', 'PA', 'PA', 'AP', 'LL')
    """
    cleaned = code(value)
    return cleaned and VIEWS.get(folded(cleaned), cleaned)


def body_part(value: str) -> str | None:
    """A body part by the standard's term, where it is one in another spelling.

    >>> body_part("chest"), body_part("C-Spine"), body_part("Chest PA"), body_part("ZIMMERMANN")
    ('CHEST', 'CSPINE', 'CHEST', 'ZIMMERMANN')
    """
    cleaned = code(value)
    return cleaned and PARTS.get(folded(cleaned), cleaned)


SEXES: Final[Mapping[str, str]] = {"M": "M", "MALE": "M", "F": "F", "FEMALE": "F", "O": "O", "OTHER": "O"}


def sex(value: str) -> str | None:
    """M, F, O, or None for anything else.

    >>> sex("f "), sex("Male"), sex("unknown")
    ('F', 'M', None)
    """
    return SEXES.get(value.strip().upper())


YEARS: Final[Mapping[str, float]] = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
AGE = re.compile(r"(\d{1,3})([DWMY])")


def age(value: str) -> float | None:
    """An age string in years, capped at 90; an age without a unit is none.

    >>> age("045Y"), age("018M"), age("003W"), age("095Y"), age("45")
    (45.0, 1.5, 0.06, 90.0, None)
    """
    found = AGE.fullmatch(value.strip().upper())
    if found is None:
        return None
    years = int(found[1]) * YEARS[found[2]]
    return min(round(years, 2), OLDEST) if years <= NO_AGE else None


def _category(clean: Callable[[str], AttributeValue]) -> Reader:
    return lambda element, _vr, charset: clean(first_text(element, charset))


def _all_values(element: Element, _vr: str, charset: str) -> AttributeValue:
    """Every value of a multi-valued text, so that a change of any component shows."""
    return code("/".join(part.strip() for part in text(element, charset).split("\\")))


def _number(element: Element, vr: str, _charset: str) -> AttributeValue:
    return first_number(element, vr)


@dataclass(frozen=True, slots=True)
class Attribute:
    """How one attribute is read.

    `plausible` holds the ends of what a number can be; a value outside is not said. `instead` lists other keywords that
    may say the same, with how many of their unit make one of this.
    """

    keyword: str
    read: Reader
    plausible: tuple[float, float] = (-inf, inf)
    instead: tuple[tuple[str, float], ...] = ()


SPELLINGS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "Manufacturer": lambda value: code(maker(value) or ""),
    "BodyPartExamined": body_part,
    "ViewPosition": view,
    "PatientSex": sex,
}


def word_of(keyword: str, value: str) -> str | None:
    """A word in the one spelling that counts for its attribute."""
    return SPELLINGS.get(keyword, code)(value)


def _word(keyword: str, instead: tuple[tuple[str, float], ...] = ()) -> Attribute:
    return Attribute(keyword, _category(lambda value: word_of(keyword, value)), instead=instead)


ALLOWED: Final = (
    _word("Manufacturer"),
    _word("ManufacturerModelName"),
    Attribute("SoftwareVersions", _all_values),
    _word("StationName"),
    _word("DeviceSerialNumber"),
    _word("DetectorID"),
    _word("DetectorType"),
    _word("Modality"),
    _word("BodyPartExamined"),
    _word("ViewPosition"),
    _word("ImageLaterality", instead=(("Laterality", 1.0),)),
    _word("PatientSex"),
    _word("PhotometricInterpretation"),
    _word("PresentationIntentType"),
    _word("LossyImageCompression"),
    _word("ExposureControlMode"),
    Attribute("PatientAge", _category(age)),
    Attribute("Rows", _number, (1, 65_535)),
    Attribute("Columns", _number, (1, 65_535)),
    Attribute("BitsStored", _number, (1, 16)),
    Attribute("PixelSpacing", _number, (0.01, 10), instead=(("ImagerPixelSpacing", 1.0), ("NominalScannedPixelSpacing", 1.0))),  # mm
    Attribute("KVP", _number, (10, 500)),  # kV
    Attribute("Exposure", _number, (0, 10_000), instead=(("ExposureInuAs", 1e3),)),  # mAs
    Attribute("ExposureTime", _number, (0, 600_000), instead=(("ExposureTimeInuS", 1e3),)),  # ms
    Attribute("XRayTubeCurrent", _number, (0, 10_000), instead=(("XRayTubeCurrentInuA", 1e3),)),  # mA
    Attribute("DistanceSourceToDetector", _number, (100, 10_000)),  # mm
    Attribute("DistanceSourceToPatient", _number, (100, 10_000)),  # mm
    Attribute("ExposureIndex", _number, (0, 1e6)),
    Attribute("TargetExposureIndex", _number, (0, 1e6)),
    Attribute("DeviationIndex", _number, (-100, 100)),
    Attribute("Sensitivity", _number, (0, 1e6)),
    Attribute("RelativeXRayExposure", _number, (0, 1e6)),
    Attribute("ImageAndFluoroscopyAreaDoseProduct", _number, (0, 1e6)),  # dGy cm2
    Attribute("WindowCenter", _number, (-1e6, 1e6)),
    Attribute("WindowWidth", _number, (0, 1e6)),
)

TOKENS: Final = frozenset(("StationName", "DeviceSerialNumber", "DetectorID"))

REPORTED: Final = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "StudyID",
)
"""What a report must repeat to lie with the patient and in the study of its film, in the order of their tags."""


_DICTIONARY: Final[Mapping[str, tuple[int, str]]] = {
    keyword: DICTIONARY[keyword] for attribute in ALLOWED for keyword in (attribute.keyword, *(other for other, _ in attribute.instead))
}
TAGS: Final = frozenset(tag for tag, _ in _DICTIONARY.values())


def read_attributes(elements: Mapping[int, Element], charset: str) -> Mapping[str, AttributeValue]:
    """Every allow-listed attribute by keyword, None where the film does not say or says nonsense."""
    return {attribute.keyword: _read(attribute, elements, charset) for attribute in ALLOWED}


def _read(attribute: Attribute, elements: Mapping[int, Element], charset: str) -> AttributeValue:
    for keyword, divisor in ((attribute.keyword, 1.0), *attribute.instead):
        tag, vr = _DICTIONARY[keyword]
        element = elements.get(tag)
        value = None if element is None else attribute.read(element, vr, charset)
        if isinstance(value, float):
            low, high = attribute.plausible
            value = value / divisor if low <= value / divisor <= high else None
        if value is not None:
            return value
    return None
