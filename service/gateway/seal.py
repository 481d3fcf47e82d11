"""Seal: what a report needs of the film's identity, encrypted on its way to the store and readable only with the site's key."""

from __future__ import annotations

import os
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.domain import Sealed
from service.errors import ReportGoneError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
PURPOSE: Final = b"stepwedge: what reports repeat of a film, 1"
OTHER_KEY = "What the report would repeat of the film was sealed with another key."


class Sealer:
    """AES-256-GCM under a key of its own, derived from that of the pseudonyms (HKDF-SHA256).

    The prediction's id is authenticated with it: what was sealed for one prediction does not open for another.
    """

    def __init__(self, secret: bytes, *, push: bool = False) -> None:
        """Derive the key.

        Args:
            secret: Key of the pseudonyms.
            push: Whether reports of what is sealed here are to be pushed.
        """
        self._cipher = AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=PURPOSE).derive(secret))
        self._push = push

    def seal(self, prediction: UUID, header: bytes) -> Sealed | None:
        """The header, sealed for one prediction; None where there is none."""
        if not header:
            return None
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(nonce + self._cipher.encrypt(nonce, header, prediction.bytes), self._push)

    def open(self, prediction: UUID, sealed: bytes) -> bytes:
        """The header again.

        Raises:
            ReportGoneError: It was sealed with another key, for another prediction, or was changed.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], prediction.bytes)
        except (InvalidTag, ValueError):
            raise ReportGoneError(OTHER_KEY) from None
