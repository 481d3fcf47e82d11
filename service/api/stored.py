"""The answer to STOW-RS: what became of each instance, as PS3.18 Annex I says it, in JSON or in XML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from xml.etree import ElementTree as ET

JSON, XML = "application/dicom+json", "application/dicom+xml"
NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

RETRIEVE_URL = "00081190"
FAILURE_REASON = "00081197"
CLASS, INSTANCE = "00081150", "00081155"
FAILED, REFERENCED, OTHER_FAILURES = "00081198", "00081199", "0008119A"
KEYWORDS: Final[Mapping[str, tuple[str, str]]] = {
    CLASS: ("UI", "ReferencedSOPClassUID"),
    INSTANCE: ("UI", "ReferencedSOPInstanceUID"),
    RETRIEVE_URL: ("UR", "RetrieveURL"),
    FAILURE_REASON: ("US", "FailureReason"),
    FAILED: ("SQ", "FailedSOPSequence"),
    REFERENCED: ("SQ", "ReferencedSOPSequence"),
    OTHER_FAILURES: ("SQ", "OtherFailuresSequence"),
}
Value = str | int
Item = Mapping[str, Value]


class Reason(IntEnum):
    """Why an instance is not stored (PS3.18 Table I.2-2)."""

    PROCESSING_FAILURE = 0x0110
    OUT_OF_RESOURCES = 0xA700
    OTHER_STUDY = 0xA900
    CANNOT_UNDERSTAND = 0xC000


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one instance: stored where there is no reason against it. Its names are for its sender only; empty where unknown."""

    sop_class: str = ""
    instance: str = ""
    reason: Reason | None = None

    def __repr__(self) -> str:
        return "Fate(...)"

    @property
    def item(self) -> Item:
        names = {tag: value for tag, value in ((CLASS, self.sop_class), (INSTANCE, self.instance)) if value}
        return names if self.reason is None else {**names, FAILURE_REASON: int(self.reason)}


def status_of(fates: Sequence[Fate]) -> int:
    """200 if all are stored, 202 if some are, 409 if none is (PS3.18 Table 10.5.3-1)."""
    stored = sum(fate.reason is None for fate in fates)
    return 409 if not stored else 200 if stored == len(fates) else 202


def sequences(fates: Sequence[Fate]) -> Mapping[str, Sequence[Item]]:
    """The sequences of the answer; one without items is left out, since some senders take its presence for a failure."""
    found = {
        FAILED: [fate.item for fate in fates if fate.reason is not None and fate.instance],
        REFERENCED: [fate.item for fate in fates if fate.reason is None],
        OTHER_FAILURES: [fate.item for fate in fates if fate.reason is not None and not fate.instance],
    }
    return {tag: items for tag, items in found.items() if items}


def as_json(fates: Sequence[Fate]) -> bytes:
    """DICOM JSON (PS3.18 Annex F). Nothing can be retrieved here, so the address to do so is empty.

    >>> as_json([Fate("1.2", "1.2.3"), Fate("1.2", "1.2.4", Reason.OTHER_STUDY)]).decode()[:60]
    '{"00081190": {"vr": "UR"}, "00081198": {"vr": "SQ", "Value":'
    """

    def element(tag: str, value: Value) -> Mapping[str, object]:
        return {"vr": KEYWORDS[tag][0], "Value": [value]}

    found = {
        tag: {"vr": "SQ", "Value": [{name: element(name, value) for name, value in item.items()} for item in items]}
        for tag, items in sequences(fates).items()
    }
    return json.dumps({RETRIEVE_URL: {"vr": "UR"}, **found}).encode()


def as_xml(fates: Sequence[Fate]) -> bytes:
    """Native DICOM Model (PS3.19 Annex A)."""
    root = ET.Element("NativeDicomModel", {"xmlns": NAMESPACE, "xml:space": "preserve"})
    _attribute(root, RETRIEVE_URL)
    for tag, items in sequences(fates).items():
        sequence = _attribute(root, tag)
        for number, item in enumerate(items, 1):
            node = ET.SubElement(sequence, "Item", {"number": str(number)})
            for name, value in item.items():
                ET.SubElement(_attribute(node, name), "Value", {"number": "1"}).text = str(value)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _attribute(parent: ET.Element, tag: str) -> ET.Element:
    vr, keyword = KEYWORDS[tag]
    return ET.SubElement(parent, "DicomAttribute", {"tag": tag, "vr": vr, "keyword": keyword})
