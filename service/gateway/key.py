"""The key of the pseudonyms: from the environment or a file, and never a weak one."""

from __future__ import annotations

import math
import os
import stat
from collections import Counter
from itertools import pairwise
from pathlib import Path

from service.config import Settings
from service.errors import SetupError

SHORTEST = 32
FEWEST_BITS = 80.0
"""By the letters that it uses; a random key of 32 hexadecimal digits has about 110, a sentence of 32 letters too, a date repeated has 60."""
WHAT_TO_DO = (
    f"Give the gateway a key of at least {SHORTEST} random characters, and keep it: with another key the same patient gets another pseudonym. "
    "For instance: openssl rand -hex 32 > pseudonym.key; chmod 600 pseudonym.key; export STEPWEDGE_PSEUDONYM_KEY_FILE=$PWD/pseudonym.key"
)


def pseudonym_key(settings: Settings) -> bytes:
    """The secret key.

    Raises:
        SetupError: No key is set, its file cannot be read or can be read by everybody, or it is weak; the message says what to do.
    """
    if settings.pseudonym_key is not None:
        key = settings.pseudonym_key.get_secret_value().strip()
    elif settings.pseudonym_key_file is not None:
        key = read_key(settings.pseudonym_key_file)
    else:
        raise SetupError(f"No pseudonym key is set. {WHAT_TO_DO}")
    if is_weak(key):
        raise SetupError(f"The pseudonym key is too weak. {WHAT_TO_DO}")
    return key.encode()


def read_key(path: Path) -> str:
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
            raise SetupError(f"The file of the pseudonym key can be read or written by everybody on this machine: chmod 600 {path}")
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"The file of the pseudonym key cannot be read: {path}. {WHAT_TO_DO}") from None


def is_weak(key: str) -> bool:
    """Whether a key can be guessed by the look of it: short, few letters, something repeated, or a run through the alphabet.

    Pseudonyms of short names are only as secret as this: who guesses the key can try every patient number.

    >>> is_weak("6f1b0c9d2e8a47533a9cf0d1e2b48576"), is_weak("a" * 40), is_weak("20260302" * 5), is_weak("abcdefghijklmnopqrstuvwxyz0123456789")
    (False, True, True, True)
    """
    if len(key) < SHORTEST or key in (key + key)[1:-1]:
        return True
    runs = sum(ord(second) - ord(first) in {-1, 0, 1} for first, second in pairwise(key))
    return bits(key) < FEWEST_BITS or runs > len(key) / 2


def bits(key: str) -> float:
    """Shannon's entropy of the letters, times their number: an upper bound of what the key can hide."""
    return -sum(count * math.log2(count / len(key)) for count in Counter(key).values())
