"""What the door lets in, counted before anything is allocated for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one film.

    body_bytes: size of the body, and of a deflated body once inflated.
    pixels: declared rows x columns x frames x samples.
    depth: sequences inside sequences.
    elements: data elements and items that are walked over in the header.
    """

    body_bytes: int = 128 * 2**20
    pixels: int = 64 * 2**20
    depth: int = 16
    elements: int = 50_000
