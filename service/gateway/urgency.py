"""Urgency: whether an instance says itself that it is urgent, told from its bytes before it is read, so that its place in the line is right."""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 1 << 16
STAT: Final = b"STAT"
NEARBY: Final = 8
"""Bytes from an element's tag to its value, in each encoding in which a text so short is written."""
TAGS: Final = (b"\x40\x00\x03\x10", b"\x00\x40\x10\x03")
"""Requested Procedure Priority (0040,1003), little and big endian."""


def says_stat(instance: bytes) -> bool:
    r"""Whether its Requested Procedure Priority is STAT, at any depth of its header.

    Only the order in which films are answered rests on it: what is hidden by compression of the header, or lies beyond its first
    64 KiB, waits like any other film.

    >>> says_stat(b"\x40\x00\x03\x10SH\x04\x00STAT"), says_stat(b"\x08\x00\x10\x10SH\x04\x00STAT")
    (True, False)
    """
    place = instance.find(STAT, NEARBY, HEAD_BYTES)
    while place >= 0:
        if instance[place - NEARBY : place - NEARBY + len(STAT)] in TAGS:
            return True
        place = instance.find(STAT, place + len(STAT), HEAD_BYTES)
    return False
