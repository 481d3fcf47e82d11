"""Element values as text and numbers: whatever the film wrote, the answer is a clean value or None, never an exception."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping

from service.gateway.dictionary import CHARSETS
from service.gateway.elements import Element

BINARY: Mapping[str, str] = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
TEXT_BYTES = 1024
"""Longest value that is looked at: no attribute or identifier that we read may be longer in the standard."""
CHARSET = 0x00080005


def charset_of(elements: Mapping[int, Element]) -> str:
    """Python's name of the film's character set; latin-1, which can read any byte, where it names none that is known."""
    names = [name.strip() for name in text(elements.get(CHARSET), "latin-1").split("\\")]
    named = [CHARSETS[name] for name in names if name and name in CHARSETS]
    return named[0] if named else "latin-1"


def text(element: Element | None, charset: str) -> str:
    """The value as text without padding and control characters; empty where there is none."""
    if element is None:
        return ""
    raw = bytes(element.value[:TEXT_BYTES])
    try:
        decoded = raw.decode(charset, "replace")
    except (LookupError, UnicodeError):
        decoded = raw.decode("latin-1")
    return "".join(character if character.isprintable() else " " for character in decoded).strip()


def first_text(element: Element | None, charset: str) -> str:
    """The first of several values."""
    return text(element, charset).split("\\")[0].strip()


def numbers(element: Element | None, vr: str) -> tuple[float, ...]:
    """The value as finite numbers; empty where it is not made of them.

    Args:
        element: The element; may be None.
        vr: Its type in the dictionary, used where the film names none (implicit VR, UN).
    """
    if element is None:
        return ()
    vr = element.vr if element.vr not in ("", "UN") else vr
    found = _binary(element, BINARY[vr]) if vr in BINARY else _decimal(element)
    return found if all(map(math.isfinite, found)) else ()


def first_number(element: Element | None, vr: str) -> float | None:
    """The first of several numbers."""
    return next(iter(numbers(element, vr)), None)


def _binary(element: Element, code: str) -> tuple[float, ...]:
    width = struct.calcsize(f"<{code}")
    count = min(len(element.value), TEXT_BYTES) // width
    order = "<" if element.little else ">"
    return tuple(map(float, struct.unpack_from(f"{order}{count}{code}", element.value)))


def _decimal(element: Element) -> tuple[float, ...]:
    parts = [part.strip(" \0") for part in bytes(element.value[:TEXT_BYTES]).decode("latin-1").split("\\")]
    return tuple(float(part) for part in parts) if all(DECIMAL.fullmatch(part) for part in parts) else ()
