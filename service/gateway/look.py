"""Look: what the header of an instance says, read from its file without its pixels: what it is called, and which models take it."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.errors import OutOfScopeError, StepwedgeError, TooLargeError, UndecodableError
from service.gateway.attributes import TAGS, read_attributes
from service.gateway.elements import DataSet, Element, Encoding, Reader, read_elements
from service.gateway.envelope import MAGIC, META, PREAMBLE, open_envelope
from service.gateway.geometry import GEOMETRY, read_geometry
from service.gateway.job import Priority
from service.gateway.limits import Limits
from service.gateway.nature import NATURE, SOP_CLASS, check_is_image, natures_of
from service.gateway.scope import check_scope
from service.gateway.values import CHARSET, charset_of, text
from service.models.manifest import Accepts
from service.models.scope import Outside

INSTANCE, STUDY, PRIORITY = 0x00080018, 0x0020000D, 0x00401003
META_CLASS, META_INSTANCE = 0x00020002, 0x00020003
WANTED = TAGS | GEOMETRY | NATURE | {CHARSET, INSTANCE, STUDY, PRIORITY}
NO_PIXELS = "The instance has no pixel data."
TOO_MANY_ELEMENTS = "The instance has more data elements than any film."


@dataclass(frozen=True, slots=True)
class Look:
    """What an instance is called (empty where it does not say), for the answer to whoever sent it and for nothing else; and who takes it.

    study: None where this reader did not come to it. fits: models that take it. outside: why none does.
    """

    sop_class: str
    instance: str
    study: str | None
    priority: Priority
    fits: tuple[str, ...]
    outside: OutOfScopeError | None

    def __repr__(self) -> str:
        return "Look(...)"


def look_at(path: Path, limits: Limits, models: Mapping[str, Accepts]) -> Look:
    """Read the header of an instance.

    Args:
        path: File of the instance.
        limits: What is let in.
        models: Which models are asked, and what each accepts.

    Raises:
        UndecodableError: It is not DICOM, or is torn.
    """
    if path.stat().st_size == 0:
        raise UndecodableError
    with path.open("rb") as file:
        # Not closed by hand: an error on its way up holds parts of it, and it ends with the last of them.
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        return _look(view, limits, models)
    except TooLargeError:
        return _name_of(view, limits)


def _look(view: memoryview, limits: Limits, models: Mapping[str, Accepts]) -> Look:
    envelope = open_envelope(view, limits)
    dataset = read_elements(envelope.dataset, envelope.encoding, WANTED, limits)
    said = {tag: text(dataset.elements.get(tag), "ascii") for tag in (SOP_CLASS, INSTANCE, STUDY, PRIORITY)}
    outside = {name: outside_of(accepts, dataset, limits) for name, accepts in models.items()}
    priority = Priority.STAT if said[PRIORITY].strip().upper() == "STAT" else Priority.ROUTINE
    fits = tuple(name for name, why in outside.items() if why is None)
    why = None if fits else next(iter(outside.values()), OutOfScopeError())
    return Look(said[SOP_CLASS], said[INSTANCE], said[STUDY], priority, fits, why)


def _name_of(view: memoryview, limits: Limits) -> Look:
    """What the file meta information calls an object that has too many elements for this reader, and for any model."""
    start = PREAMBLE + len(MAGIC) if view[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC else 0
    reader, position, said = Reader(view, Encoding(explicit=True, little=True), limits), start, {META_CLASS: "", META_INSTANCE: ""}
    while int.from_bytes(view[position : position + 2], "little") == META:
        head = reader.head(position, explicit=True)
        position = reader.end(head)
        if head.tag in said:
            said[head.tag] = text(reader.element(head, position), "ascii")
    outside = OutOfScopeError(TOO_MANY_ELEMENTS, attribute=Outside.OBJECT)
    return Look(said[META_CLASS], said[META_INSTANCE], None, Priority.ROUTINE, (), outside)


def outside_of(accepts: Accepts, dataset: DataSet, limits: Limits) -> OutOfScopeError | None:
    """Why a model does not take the instance. A fault that has nothing to do with its scope is left to its own time."""
    elements: Mapping[int, Element] = dataset.elements
    try:
        check_is_image(elements)
        if dataset.pixels is None and dataset.fragments is None:
            return OutOfScopeError(NO_PIXELS, attribute=Outside.OBJECT)
        check_scope(accepts, read_attributes(elements, charset_of(elements)), natures_of(elements))
        read_geometry(elements, limits, accepts.frames)
    except OutOfScopeError as error:
        return error.with_traceback(None)
    except StepwedgeError:
        return None
    return None
