"""Signature: what this service says about a model can be held against its key by anybody, long after and without the service.

Ed25519, with a key of its own that follows from that of the pseudonyms (HKDF-SHA256); every gateway and worker of an installation has the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.errors import DamagedReportError

PURPOSE: Final = b"stepwedge: reports that are signed, 1"
ALGORITHM: Final = "ed25519"


@dataclass(frozen=True, slots=True)
class Signed:
    """A report with its signature. public_key, signature: hexadecimal."""

    report: Mapping[str, Any]
    public_key: str
    signature: str

    def to_json(self) -> str:
        """The file that is kept."""
        signature = {"algorithm": ALGORITHM, "public_key": self.public_key, "value": self.signature}
        return json.dumps({"report": self.report, "signature": signature}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Signed:
        """What `to_json` wrote.

        Raises:
            DamagedReportError: It is no such file.
        """
        try:
            values = json.loads(text)
            signature = values["signature"]
            if signature["algorithm"] != ALGORITHM or not isinstance(values["report"], dict):
                raise DamagedReportError
            return cls(values["report"], str(signature["public_key"]), str(signature["value"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DamagedReportError from None


def sign(report: Mapping[str, Any], secret: bytes) -> Signed:
    """Sign a report of JSON values. secret: the key of the pseudonyms.

    >>> signed = sign({"decision": "pass"}, b"k" * 32)
    >>> verify(signed, signed.public_key) is None, Signed.from_json(signed.to_json()) == signed
    (True, True)
    """
    key = Ed25519PrivateKey.from_private_bytes(HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(secret))
    return Signed(report, key.public_key().public_bytes_raw().hex(), key.sign(_spelled(report)).hex())


def public_key_of(secret: bytes) -> str:
    """The key, in hexadecimal, by which anybody can verify what this service signs."""
    return sign({}, secret).public_key


def verify(signed: Signed, public_key: str) -> None:
    """Pass, if whoever holds the private half of this key signed just this report.

    Raises:
        DamagedReportError: The report is another one, or the key is.
    """
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signed.signature), _spelled(signed.report))
    except (InvalidSignature, ValueError):
        raise DamagedReportError from None


def _spelled(report: Mapping[str, Any]) -> bytes:
    return json.dumps(report, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
