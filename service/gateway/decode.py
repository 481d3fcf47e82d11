"""Bytes to `Image`: a film, or a refusal that says why; never a guess."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from service.domain import Identity, Image
from service.gateway.attributes import TAGS, read_attributes
from service.gateway.budget import Reserve, unbounded
from service.gateway.elements import Element, read_elements
from service.gateway.envelope import open_envelope
from service.gateway.frame import Codec
from service.gateway.geometry import GEOMETRY, read_geometry
from service.gateway.header import HEADER, header_of
from service.gateway.limits import Limits
from service.gateway.modality import MODALITY, Modality
from service.gateway.nature import NATURE, check_is_image, natures_of
from service.gateway.pixels import pixel_digest, stored_positions
from service.gateway.sample import in_order, sample_pixels
from service.gateway.scope import check_scope
from service.gateway.values import CHARSET, charset_of, text
from service.models.manifest import Accepts

PATIENT, ACCESSION, STUDY, SERIES, INSTANCE = 0x00100020, 0x00080050, 0x0020000D, 0x0020000E, 0x00080018
WANTED = TAGS | GEOMETRY | MODALITY | NATURE | {CHARSET, PATIENT, ACCESSION, STUDY, SERIES, INSTANCE} | HEADER


def decode(body: bytes, limits: Limits, codec: Codec, accepts: Accepts, reserve: Reserve = unbounded) -> Image:
    """The film that a DICOM instance holds.

    Args:
        body: A part 10 file, or a bare data set.
        limits: What is let in.
        codec: Decompresses encapsulated frames; a CodecPool keeps crashes and hangs of native code out of this process.
        accepts: The films that the model was made for; others are refused by their header, before any pixel is unpacked.
        reserve: Makes room for the pixels, see PixelBudget.

    Raises:
        UndecodableError: The body is not DICOM, is torn, or contradicts itself.
        NoPixelsError: The instance has no pixel data.
        UnsupportedSyntaxError: The transfer syntax is not read here.
        TooLargeError: Body, inflated body, declared pixels or number of elements are over the limits.
        BusyError: There is no room for the pixels now.
        OutOfScopeError: No image, no film for this model, colour, several frames, or pixels that are not of 8 or 16 bits.
    """
    envelope = open_envelope(body, limits)
    dataset = read_elements(envelope.dataset, envelope.encoding, WANTED, limits)
    charset = charset_of(dataset.elements)
    check_is_image(dataset.elements)
    geometry = read_geometry(dataset.elements, limits, accepts.frames)
    attributes = read_attributes(dataset.elements, charset)
    check_scope(accepts, attributes, natures_of(dataset.elements))
    modality = Modality.read(dataset.elements, envelope.encoding, geometry, limits)
    reserve(geometry.rows * geometry.columns)
    positions = stored_positions(dataset, envelope.syntax, geometry, codec)
    raster, span = modality.apply(positions, geometry)
    return Image(
        raster=raster,
        sample=in_order(sample_pixels(raster)),
        span=span,
        attributes=attributes,
        identity=_identity(dataset.elements, charset),
        pixel_sha256=pixel_digest(positions, inverted=geometry.inverted, highest=(1 << geometry.bits_stored) - 1),
        input_sha256=hashlib.sha256(body).digest(),
        input_bytes=len(body),
    )


def _identity(elements: Mapping[int, Element], charset: str) -> Identity:
    patient, accession, study, series, instance = (
        text(elements.get(tag), charset) or None for tag in (PATIENT, ACCESSION, STUDY, SERIES, INSTANCE)
    )
    return Identity(patient=patient, accession=accession, study=study, series=series, instance=instance, header=header_of(elements))
