"""One compressed grey frame to its stored words, by the native codec of its format. The gateway calls it in processes of its own only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import gdcm
import numpy as np
from jpeg_ls import decode_pixel_data as decode_jpeg_ls
from openjpeg.utils import decode_pixel_data as decode_jpeg_2000
from rle.rle import decode_frame as decode_rle

from service.errors import UndecodableError
from service.gateway.codestream import RLE_HEADER_BYTES, codestream_of, read_frame_header
from service.gateway.frame import FAILED, EncodedFrame, Words
from service.gateway.syntaxes import Format

PRECISIONS = range(2, 17)
BYTE = 8


def decompress(frame: EncodedFrame) -> Words:
    """Words [rows, columns] of a frame, decompressed in this process.

    Raises:
        UndecodableError: The codestream is broken, or is not of the declared size, depth and one component.
    """
    if frame.format is Format.RLE:
        return _rle(frame)
    data = codestream_of(frame.data, frame.format)
    header = read_frame_header(data, frame.format)
    if (header.rows, header.columns, header.components) != (frame.rows, frame.columns, 1) or header.precision not in PRECISIONS:
        raise UndecodableError("The compressed pixel data are not of the declared size.")
    dtype = np.dtype("<u1" if header.precision <= BYTE else "<u2")
    decoded = _decoded(CODECS[frame.format], data, frame, header.precision)
    if len(decoded) != frame.rows * frame.columns * dtype.itemsize:
        raise UndecodableError(FAILED)
    return np.frombuffer(decoded, dtype).reshape(frame.rows, frame.columns)


NativeCodec = Callable[[bytes, EncodedFrame, int], bytes | bytearray]


def _decoded(codec: NativeCodec, data: bytes, frame: EncodedFrame, precision: int) -> bytes | bytearray:
    try:
        return codec(data, frame, precision)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 (native codecs raise whatever they like, and a panic in Rust is no Exception)
        raise UndecodableError(FAILED) from None


def _rle(frame: EncodedFrame) -> Words:
    width = frame.bits_allocated // BYTE
    if len(frame.data) < RLE_HEADER_BYTES or int.from_bytes(frame.data[:4], "little") != width:
        raise UndecodableError("The compressed pixel data are not of the declared size.")
    pixels = frame.rows * frame.columns
    decoded = _decoded(lambda data, _frame, bits: decode_rle(data, pixels, bits, "<"), frame.data, frame, frame.bits_allocated)
    if len(decoded) != pixels * width:
        raise UndecodableError(FAILED)
    return np.frombuffer(decoded, f"<u{width}").reshape(frame.rows, frame.columns)


def _jpeg_2000(data: bytes, _frame: EncodedFrame, _precision: int) -> bytes | bytearray:
    return cast("bytearray", decode_jpeg_2000(data, version=2))


def _jpeg_ls(data: bytes, _frame: EncodedFrame, _precision: int) -> bytes | bytearray:
    return cast("bytearray", decode_jpeg_ls(data)[0])


def _jpeg(data: bytes, frame: EncodedFrame, precision: int) -> bytes | bytearray:
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()  # it would write what it finds in the film to standard error
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(data)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((frame.columns, frame.rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(frame.syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(1, BYTE if precision <= BYTE else 2 * BYTE, precision, precision - 1, 0))
    return bytes(image.GetBuffer().encode("utf-8", "surrogateescape"))  # gdcm hands char* over as str


CODECS: Mapping[Format, NativeCodec] = {Format.JPEG: _jpeg, Format.JPEG_LS: _jpeg_ls, Format.JPEG_2000: _jpeg_2000}
