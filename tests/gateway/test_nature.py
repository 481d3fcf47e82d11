"""What a PACS sends along with a study is told from its films by what it says of itself, never by a name."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import uid

from service.errors import NoPixelsError, OutOfScopeError
from service.gateway.limits import Limits
from service.models.manifest import Accepts
from service.models.scope import Outside
from tests.films import make_film
from tests.gateway.corpus import shipped
from tests.gateway.decoding import decode

PLAIN = Accepts()
NO_IMAGES = (
    uid.BasicTextSRStorage,
    uid.ComprehensiveSRStorage,
    uid.KeyObjectSelectionDocumentStorage,
    uid.GrayscaleSoftcopyPresentationStateStorage,
    uid.EncapsulatedPDFStorage,
    uid.EncapsulatedSTLStorage,
    uid.RTPlanStorage,
    uid.RTStructureSetStorage,
    uid.TwelveLeadECGWaveformStorage,
    uid.RawDataStorage,
    uid.SegmentationStorage,
    uid.SpatialRegistrationStorage,
    uid.RTDoseStorage,
)
IMAGES = (
    uid.DigitalXRayImageStorageForPresentation,
    uid.ComputedRadiographyImageStorage,
    uid.CTImageStorage,
    uid.RTImageStorage,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    None,
)


def outside(accepts: Accepts = PLAIN, **attributes: Any) -> str:
    """The attribute for which a film is refused; empty where it is read."""
    try:
        decode(make_film(**attributes), Limits(), accepts=accepts)
    except OutOfScopeError as refusal:
        return refusal.attribute or "nothing"
    return ""


@pytest.mark.parametrize("sop_class", NO_IMAGES, ids=lambda one: one.name)
@pytest.mark.parametrize("without", [{}, {"PixelData": None, "Rows": None}], ids=str)
def test_a_report_or_a_presentation_state_is_out_of_scope_with_pixels_or_without(sop_class: uid.UID, without: dict[str, Any]) -> None:
    assert outside(SOPClassUID=sop_class, **without) == "object"


@pytest.mark.parametrize("sop_class", IMAGES, ids=str)
def test_an_image_of_any_modality_is_for_the_manifest_to_judge(sop_class: uid.UID | None) -> None:
    film = make_film(SOPClassUID=sop_class or uid.CTImageStorage)
    assert decode(film, Limits(), accepts=PLAIN).pixels.shape == (96, 80)


def test_an_image_without_pixels_is_broken_and_not_out_of_scope() -> None:
    with pytest.raises(NoPixelsError):
        decode(make_film(PixelData=None), Limits(), accepts=PLAIN)


def test_a_phantom_says_so_and_a_name_says_nothing() -> None:
    assert outside(QualityControlImage="YES") == "quality-control"
    assert outside(BodyPartExamined="PHANTOM") == "quality-control"
    assert outside(QualityControlImage="NO") == ""
    assert outside(PatientName="QC^PHANTOM", PatientID="TEST") == ""
    assert outside(Accepts(also=("quality-control",)), QualityControlImage="YES") == ""


def test_a_localizer_and_a_secondary_capture_say_so() -> None:
    assert outside(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]) == "localizer"
    assert outside(ImageType=["DERIVED", "PRIMARY", "", "SCOUT"]) == "localizer"
    assert outside(ImageType=["ORIGINAL", "PRIMARY"]) == ""
    for sop_class in (uid.SecondaryCaptureImageStorage, uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage):
        assert outside(SOPClassUID=sop_class) == "secondary-capture"
        assert outside(Accepts(also=("secondary-capture",)), SOPClassUID=sop_class) == ""


def test_colour_is_refused_whatever_the_manifest_says() -> None:
    also = Accepts(also=("secondary-capture",))
    assert outside(also, PhotometricInterpretation="RGB", SamplesPerPixel=3, PlanarConfiguration=0) == "colour"
    assert outside(also, PhotometricInterpretation="PALETTE COLOR") == "colour"


def test_a_film_out_of_scope_is_refused_by_its_header_and_its_pixels_are_never_unpacked() -> None:
    def never(_frame: object) -> object:
        raise AssertionError("unpacked")

    with pytest.raises(OutOfScopeError):
        decode(shipped("RG1_J2KR.dcm").read_bytes(), Limits(), never, Accepts(body_part=("HAND",)))  # type: ignore[arg-type] # never called


def test_a_real_screenshot_is_a_secondary_capture_or_colour() -> None:
    with pytest.raises(OutOfScopeError) as refusal:
        decode(shipped("SC_rgb.dcm").read_bytes(), Limits(), accepts=PLAIN)
    assert refusal.value.attribute in {Outside.COLOUR, Outside.SECONDARY_CAPTURE}
