"""The text of an API key: easy to recognise in a leak, and a mistyped one is told from a wrong one without asking anybody."""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from service.access import ApiKey, Role

PREFIX = "sw_"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_BITS = 256
SECRET_LENGTH = 43
CHECK_LENGTH = 6
ID_LENGTH = 12
FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH + CHECK_LENGTH}}}", re.ASCII)


def new_key() -> str:
    """A key: prefix, 256 random bits, and a checksum of both.

    >>> len(new_key()), new_key() == new_key()
    (52, False)
    """
    body = PREFIX + _spelled(secrets.randbits(SECRET_BITS), SECRET_LENGTH)
    return body + _check(body)


def digest_of(text: str) -> bytes | None:
    """SHA-256 of a key; None for what is no key, or one that was mistyped or cut.

    A fast hash is right here: it keeps a stolen table from opening anything because nobody can try 2**256 secrets, and
    each request pays for it.

    >>> key = new_key()
    >>> len(digest_of(key)), digest_of(key[:-1]), digest_of("secret")
    (32, None, None)
    """
    body, check = text[:-CHECK_LENGTH], text[-CHECK_LENGTH:]
    return sha256(text.encode()).digest() if FORM.fullmatch(text) and _check(body) == check else None


def issued(text: str, name: str, roles: Iterable[Role], at: datetime, expires_at: datetime | None = None) -> ApiKey:
    """What is stored of a new key. Its id is the beginning of its digest: it names the key and tells nothing of it.

    Raises:
        ValueError: The text is no key.
    """
    digest = digest_of(text)
    if digest is None:
        raise ValueError("not the text of a key")
    return ApiKey(digest.hex()[:ID_LENGTH], name, frozenset(roles), digest, at, expires_at, revoked_at=None)


def _check(body: str) -> str:
    return _spelled(zlib.crc32(body.encode()), CHECK_LENGTH)


def _spelled(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
