"""Names become keyed pseudonyms: the same person, study or device gives the same token, and nobody without the key can go back."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from service.domain import AttributeValue, Image, Pseudonyms
from service.gateway.attributes import TOKENS

PSEUDONYM_BYTES = 16
TOKEN_BYTES = 8


def pseudonym(key: bytes, kind: str, value: str) -> bytes:
    """First 16 bytes of HMAC-SHA256 over kind and value; padding around the value does not count.

    Args:
        key: Secret of the site.
        kind: What the value names ("patient", "accession", "study", "series", "instance"); two kinds never share a pseudonym.
        value: The name as the film or the caller gives it.

    >>> pseudonym(b"k" * 32, "patient", "0815 ") == pseudonym(b"k" * 32, "patient", "0815")
    True
    >>> pseudonym(b"k" * 32, "patient", "0815") == pseudonym(b"k" * 32, "accession", "0815")
    False
    """
    message = kind.encode() + b"\0" + value.strip(" \0").encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).digest()[:PSEUDONYM_BYTES]


def deidentify(image: Image, key: bytes) -> tuple[Mapping[str, AttributeValue], Pseudonyms]:
    """Attributes with device names replaced by tokens, and the pseudonyms of who and what the film names."""
    who = image.identity
    pseudonyms = Pseudonyms(
        patient=_optional(key, "patient", who.patient),
        accession=_optional(key, "accession", who.accession),
        study=_optional(key, "study", who.study),
        series=_optional(key, "series", who.series),
        instance=_optional(key, "instance", who.instance),
    )
    return {keyword: _token(key, keyword, value) for keyword, value in image.attributes.items()}, pseudonyms


def _optional(key: bytes, kind: str, value: str | None) -> bytes | None:
    return None if value is None else pseudonym(key, kind, value)


def _token(key: bytes, keyword: str, value: AttributeValue) -> AttributeValue:
    if keyword not in TOKENS or value is None:
        return value
    return pseudonym(key, keyword, str(value))[:TOKEN_BYTES].hex()
