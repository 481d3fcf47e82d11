"""Lettering: about how wide a text is, so that no two ever lie upon each other. Fonts differ, so it errs on the wide side."""

from __future__ import annotations

from unicodedata import east_asian_width

SIZE = 11.0
"""Of a tick label in the units of a drawing; drawings are 400 wide, a telephone 390."""
NARROW, WIDE = frozenset("iljtfrI.,:;'|!()[]/- "), frozenset("mwMW@%\N{EN DASH}\N{EM DASH}\N{HORIZONTAL ELLIPSIS}")


def width_of(text: str, size: float = SIZE) -> float:
    """Upper estimate in the units of `size`, for a plain sans serif.

    >>> width_of("ill") < width_of("abc") < width_of("MMM")
    True
    """
    return size * sum(_share(one) for one in text)


def fitted(text: str, width: float, size: float = SIZE) -> str:
    """The text, or its beginning where it is wider.

    >>> fitted("a long label", 42)
    'a lon…'
    """
    if width_of(text, size) <= width:
        return text
    kept = text
    while kept and width_of(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _share(one: str) -> float:
    if one in NARROW:
        return 0.36
    if one in WIDE or east_asian_width(one) in {"W", "F"}:
        return 1.0
    return 0.72 if one.isupper() else 0.64
