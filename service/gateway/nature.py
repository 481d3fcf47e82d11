"""What kind of DICOM instance this is: an image of a patient, or something else that a PACS sends along with a study."""

from __future__ import annotations

from collections.abc import Mapping

from service.errors import OutOfScopeError
from service.gateway.elements import Element
from service.gateway.values import first_text, text
from service.models.scope import Outside

SOP_CLASS, IMAGE_TYPE, QUALITY_CONTROL, BODY_PART = 0x00080016, 0x00080008, 0x00280300, 0x00180015
NATURE = frozenset((SOP_CLASS, IMAGE_TYPE, QUALITY_CONTROL, BODY_PART))

STORAGE = "1.2.840.10008.5.1.4.1.1."
RT_IMAGE = f"{STORAGE}481.1"
NO_IMAGES = tuple(
    f"{STORAGE}{branch}"
    for branch in (
        "9.",  # waveforms
        "11.",  # presentation states
        "30",  # parametric maps
        "66",  # raw data, registrations, segmentations, surfaces, tracts
        "67",  # real world values
        "68.",  # surface scans
        "78.",  # measurements of the eye
        "79.",
        "80.",
        "88.",  # structured reports, key objects
        "104.",  # documents: PDF, CDA, STL
        "200.",  # display systems
        "481.",  # radiotherapy, but for its images
    )
)
"""PS3.4 Annex B: branches of storage classes whose instances are no images of a patient."""
SECONDARY_CAPTURE = f"{STORAGE}7"
"""Secondary capture, single and multi-frame: screenshots, scanned paper, what other programs drew."""
LOCALIZERS = frozenset(("LOCALIZER", "SCOUT"))


def check_is_image(elements: Mapping[int, Element]) -> None:
    """Pass, or raise OutOfScopeError for a report, a presentation state, a document, a plan and the like."""
    sop_class = first_text(elements.get(SOP_CLASS), "ascii")
    if sop_class.startswith(NO_IMAGES) and sop_class != RT_IMAGE:
        raise OutOfScopeError(
            "The instance is a report, a presentation state or another object that is no image.", attribute=Outside.OBJECT
        )


def natures_of(elements: Mapping[int, Element]) -> tuple[Outside, ...]:
    """Which kinds of image the instance says it is that no model was made for unless its manifest names them."""
    sop_class = first_text(elements.get(SOP_CLASS), "ascii")
    image_type = {part.strip().upper() for part in text(elements.get(IMAGE_TYPE), "ascii").split("\\")}
    controlled = first_text(elements.get(QUALITY_CONTROL), "ascii").upper() == "YES"
    phantom = first_text(elements.get(BODY_PART), "latin-1").upper() == "PHANTOM"
    found = {
        Outside.QUALITY_CONTROL: controlled or phantom,
        Outside.LOCALIZER: not LOCALIZERS.isdisjoint(image_type),
        Outside.SECONDARY_CAPTURE: sop_class == SECONDARY_CAPTURE or sop_class.startswith(f"{SECONDARY_CAPTURE}."),
    }
    return tuple(nature for nature, is_so in found.items() if is_so)
