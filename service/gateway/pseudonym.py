"""Pseudonym: a keyed digest of a name: the same name gives the same one, and nobody without the key can go back."""

from __future__ import annotations

import hmac

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
    return hmac.digest(key, message, "sha256")[:PSEUDONYM_BYTES]
