"""Claim: the key under which a film is answered once, and the content that tells it from another film under the same key."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

from service.domain import Pseudonyms, Submission
from service.store.claims import instance_key


@dataclass(frozen=True, slots=True)
class Claim:
    """key and content as in `Prediction`, both under the pseudonym key, so that neither can be guessed back from a dump."""

    key: bytes
    content: bytes


def claim(secret: bytes, model_version: int, submission: Submission, pseudonyms: Pseudonyms, pixel_sha256: bytes) -> Claim:
    """The claim of one film.

    The caller's Idempotency-Key goes first, in the scope of model version and caller; else the instance UID names the film,
    and a film without one is named by its pixels. The content is the pixels alone: a router that rewrites a header
    sends the same film. Whatever its key, a film owns its instance UID too: service/store/claims.py has the rule.

    >>> def of(key: str | None, pixels: bytes) -> Claim:
    ...     film = Submission("chest", "main", "anonymous", datetime(2026, 3, 2, tzinfo=UTC), b"", key)
    ...     return claim(b"k" * 32, 1, film, Pseudonyms(None, None, None, None, b"instance"), pixels)
    >>> from datetime import UTC, datetime
    >>> of(None, b"a") == of(None, b"a"), of(None, b"a").key == of(None, b"b").key, of("retry-1", b"a").key == of(None, b"a").key
    (True, True, False)
    """
    if submission.idempotency_key is not None:
        key = digest(secret, str(model_version), "key", submission.caller, submission.idempotency_key)
    elif pseudonyms.instance is not None:
        key = instance_key(model_version, pseudonyms.instance)
    else:
        key = digest(secret, str(model_version), "pixels", pixel_sha256.hex())
    return Claim(key, content=digest(secret, "content", pixel_sha256.hex()))


def digest(secret: bytes, *parts: str) -> bytes:
    """HMAC-SHA256 over the parts, each with its length, so that no two lists of parts are the same bytes."""
    message = b"".join(len(encoded).to_bytes(4) + encoded for encoded in (part.encode("utf-8", "surrogateescape") for part in parts))
    keyed = prepared(secret).copy()
    keyed.update(message)
    return keyed.digest()


@lru_cache(maxsize=2)
def prepared(secret: bytes) -> hmac.HMAC:
    """The digest that has taken the key in already, which takes as long as all that follows."""
    return hmac.new(secret, digestmod=hashlib.sha256)
