"""Signature: Standard Webhooks headers, so that a receiver knows who speaks, and whether it heard this before."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import datetime

CUSTOMARY = "whsec_"


def webhook_headers(event: str, at: datetime, body: bytes, key: bytes | None) -> Mapping[str, str]:
    """Make the three headers of Standard Webhooks; without a key the signature is left out.

    The signature is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. The id stays the same however often a body
    is tried; the timestamp is that of the attempt, so a receiver can turn away an old one.

    Source: https://www.standardwebhooks.com

    >>> from datetime import UTC
    >>> webhook_headers("one", datetime(2026, 3, 2, tzinfo=UTC), b"{}", None)["webhook-timestamp"]
    '1772409600'
    """
    headers = {"webhook-id": event, "webhook-timestamp": str(int(at.timestamp()))}
    if key is None:
        return headers
    signed = ".".join(headers.values()).encode() + b"." + body
    return {**headers, "webhook-signature": "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()}


def signing_key(secret: str) -> bytes:
    """Return the bytes of a secret: base64 behind the customary prefix `whsec_`, else its UTF-8 text.

    Raises:
        ValueError: what follows the prefix is not base64.

    >>> signing_key("whsec_c2VjcmV0") == signing_key("secret")
    True
    """
    if not secret.startswith(CUSTOMARY):
        return secret.encode()
    try:
        return b64decode(secret.removeprefix(CUSTOMARY), validate=True)
    except NotBase64:
        raise ValueError("the webhook secret is not base64 behind its prefix") from None
