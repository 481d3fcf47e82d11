"""From stored pixels to what they mean: modality LUT or rescale, padding, and more is brighter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from service.errors import UndecodableError
from service.gateway.elements import DataSet, Element, Encoding, first_item
from service.gateway.geometry import Geometry
from service.gateway.limits import Limits
from service.gateway.values import first_number, numbers
from service.raster import Raster

MODALITY_LUT, LUT_DESCRIPTOR, LUT_DATA = 0x00283000, 0x00283002, 0x00283006
INTERCEPT, SLOPE = 0x00281052, 0x00281053
PADDING, PADDING_LIMIT = 0x00280120, 0x00280121
DESCRIPTOR_VALUES = 3
ENTRY_BITS = range(8, 17)
MODALITY = frozenset((MODALITY_LUT, INTERCEPT, SLOPE, PADDING, PADDING_LIMIT))
LARGEST = 1e9
"""Values beyond this are no measurement, and float32 could not tell neighbours apart."""

BROKEN_LUT = "The modality LUT is broken."


@dataclass(frozen=True, slots=True)
class Rescale:
    """Meaning = slope x stored value + intercept."""

    slope: float
    intercept: float


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Meaning = entries[stored value - first], held at both ends; entries have `bits`."""

    entries: NDArray[np.float32]
    first: int
    bits: int


@dataclass(frozen=True, slots=True)
class Modality:
    """How stored pixels of one film become what they mean."""

    transform: Rescale | Table
    padding: tuple[int, int] | None

    @classmethod
    def read(cls, elements: Mapping[int, Element], encoding: Encoding, geometry: Geometry, limits: Limits) -> Self:
        """The film's transform; without one, stored values mean themselves."""
        lut = elements.get(MODALITY_LUT)
        item = None if lut is None else first_item(lut, encoding, frozenset((LUT_DESCRIPTOR, LUT_DATA)), limits)
        return cls(_rescale(elements) if item is None else _table(item, geometry), _padding(elements, geometry))

    def apply(self, positions: NDArray[np.uint16], geometry: Geometry) -> tuple[Raster, tuple[float, float]]:
        """The film, whose meanings are float32 where more is brighter, and the span that they could take.

        Padding (what lies outside the exposed field) takes the darkest value of the film itself, so that it bends no
        percentile by an invented number.
        """
        span = self._span(geometry)
        meaning = Meaning(self._meanings(geometry), geometry.lowest, span[0] + span[1] if geometry.inverted else None)
        if self.padding is not None:
            low, high = (value - geometry.lowest for value in self.padding)
            words = present(positions)
            padded = (words >= low) & (words <= high)
            if padded.any() and not padded.all():
                meaning = replace(meaning, padding=(low, high), darkest=float(meaning(words[~padded]).min()))
        return Raster(positions, meaning), span

    def _meanings(self, geometry: Geometry) -> Rescale | NDArray[np.float32]:
        """A table becomes one with an entry for each position."""
        if isinstance(self.transform, Rescale):
            return self.transform
        words = np.arange(geometry.highest - geometry.lowest + 1) + (geometry.lowest - self.transform.first)
        return self.transform.entries[np.clip(words, 0, len(self.transform.entries) - 1)]

    def _span(self, geometry: Geometry) -> tuple[float, float]:
        if isinstance(self.transform, Table):
            return 0.0, float((1 << self.transform.bits) - 1)
        ends = [self.transform.slope * value + self.transform.intercept for value in (geometry.lowest, geometry.highest)]
        return min(ends), max(ends)


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What positions mean: a rescale from the lowest value on, or a table of them; turned round within `ends`, the sum of the span's ends.

    Positions between the ends of `padding` mean `darkest`.
    """

    transform: Rescale | NDArray[np.float32]
    lowest: int
    ends: float | None
    padding: tuple[int, int] | None = None
    darkest: float = 0.0

    def __call__(self, positions: NDArray[np.uint16]) -> NDArray[np.float32]:
        """float32, in the same shape."""
        meanings = self._plain(positions)
        if self.ends is not None:
            np.subtract(self.ends, meanings, out=meanings)
        if self.padding is not None:
            padded = positions >= self.padding[0]
            padded &= positions <= self.padding[1]
            meanings[padded] = self.darkest
        return meanings

    def _plain(self, positions: NDArray[np.uint16]) -> NDArray[np.float32]:
        if not isinstance(self.transform, Rescale):
            return np.take(self.transform, positions)
        meanings = positions.astype(np.float32)
        if self.lowest:
            meanings += np.float32(self.lowest)
        if self.transform.slope != 1.0:
            meanings *= np.float32(self.transform.slope)
        if self.transform.intercept:
            meanings += np.float32(self.transform.intercept)
        return meanings


def present(positions: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The positions that occur, each once."""
    found = np.zeros(1 << 16, bool)
    for row in positions:  # an index takes eight bytes a pixel
        found[row] = True
    return np.flatnonzero(found).astype(np.uint16)


def _rescale(elements: Mapping[int, Element]) -> Rescale:
    slope, intercept = _decimal(elements, SLOPE, 1.0), _decimal(elements, INTERCEPT, 0.0)
    if slope == 0.0 or abs(intercept) > LARGEST or not 1.0 / LARGEST <= abs(slope) <= LARGEST / 0xFFFF:
        raise UndecodableError("The rescale slope or intercept is not usable.")
    return Rescale(slope, intercept)


def _decimal(elements: Mapping[int, Element], tag: int, absent: float) -> float:
    element = elements.get(tag)
    if element is None or not bytes(element.value[:64]).strip(b" \0"):
        return absent
    value = first_number(element, "DS")
    if value is None:
        raise UndecodableError("The rescale slope or intercept is not usable.")
    return value


def _table(item: DataSet, geometry: Geometry) -> Table:
    descriptor = numbers(item.elements.get(LUT_DESCRIPTOR), "US")
    data = item.elements.get(LUT_DATA)
    if len(descriptor) != DESCRIPTOR_VALUES or data is None:
        raise UndecodableError(BROKEN_LUT)
    count, first, bits = (int(value) for value in descriptor)
    count = count % 0x10000 or 0x10000  # 65,536 does not fit its own field and is written as 0
    first = (first + 0x8000) % 0x10000 - 0x8000 if geometry.signed else first % 0x10000
    if bits not in ENTRY_BITS or len(data.value) not in (2 * count, count, count + count % 2):
        raise UndecodableError(BROKEN_LUT)
    width = 2 if len(data.value) == 2 * count else 1
    order = "<" if data.little else ">"
    entries = np.frombuffer(data.value, f"{order}u{width}", count=count).astype(np.float32)
    if entries.max(initial=0.0) > (1 << bits) - 1:
        raise UndecodableError(BROKEN_LUT)
    return Table(entries, first, bits)


def _padding(elements: Mapping[int, Element], geometry: Geometry) -> tuple[int, int] | None:
    """Lowest and highest stored value that mark padding; None where there is none or it cannot occur."""
    vr = "SS" if geometry.signed else "US"
    found = [first_number(elements[tag]._replace(vr=vr), vr) for tag in (PADDING, PADDING_LIMIT) if tag in elements]
    ends = sorted(int(value) for value in found if value is not None)
    if not ends or not geometry.lowest <= ends[0] <= ends[-1] <= geometry.highest:
        return None
    return ends[0], ends[-1]
