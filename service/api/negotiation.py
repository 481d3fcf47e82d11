"""Negotiation: in which of the forms that are offered an answer is given, as the header Accept asks (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.errors import NotAcceptableError

JSON: Final = "application/json"
DICOM: Final = "application/dicom"
RELATED: Final = 'multipart/related; type="application/dicom"'
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Range:
    """One of the forms that a request accepts, and how much it likes it. `related`: what the parts of multipart/related are to be."""

    kind: str
    subkind: str
    related: str
    quality: float

    @classmethod
    def of(cls, stated: str) -> Range:
        name, *options = (part.strip().lower() for part in stated.split(";"))
        said: Mapping[str, str] = dict(option.partition("=")[::2] for option in options)
        kind, _, subkind = name.partition("/")
        return cls(kind.strip(), subkind.strip(), said.get("type", "").strip('"'), _quality(said.get("q", "1")))

    def fit(self, offer: Range) -> int:
        """How closely it means an offer: 0 not at all."""
        if (self.kind, self.subkind) == (offer.kind, offer.subkind) and self.related in ("", offer.related):
            return 4 if self.related else 3
        if self.kind == offer.kind and self.subkind == ANY:
            return 2
        return 1 if (self.kind, self.subkind) == (ANY, ANY) else 0


def chosen(accept: str | None, offers: Sequence[str]) -> str:
    """The offer that a request likes best; of equals the first. What means an offer most closely says how much it is liked.

    >>> chosen(None, [JSON, DICOM]), chosen("application/dicom", [JSON, DICOM]), chosen("*/*;q=0.1, application/json;q=0", [JSON, DICOM])
    ('application/json', 'application/dicom', 'application/dicom')
    >>> chosen('multipart/related; type="application/dicom"; transfer-syntax=*', [JSON, DICOM, RELATED]) == RELATED
    True

    Raises:
        NotAcceptableError: It likes none.
    """
    ranges = [Range.of(stated) for stated in (accept or "*/*").split(",") if stated.strip()]

    def liking(offer: str) -> float:
        meant = Range.of(offer)
        return max(((one.fit(meant), one.quality) for one in ranges if one.fit(meant)), default=(0, 0.0))[1]

    best = max(offers, key=liking)
    if not liking(best):
        raise NotAcceptableError(f"The answer is {' or '.join(offers)}, and the request accepts none of these.")
    return best


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
