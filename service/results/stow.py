"""STOW: store one report in a PACS by DICOMweb (PS3.18, 10.5), and understand what it says to that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import httpx

from service.config import Settings
from service.errors import SetupError
from service.worker.attempt import Trouble

TIMEOUT_S: Final = 15.0
ANSWER_BYTES: Final = 64 * 1024
FAILED, REASON = "00081198", "00081197"
DUPLICATE: Final = 0x0111
"""Failure reason "Duplicate SOP Instance" (PS3.18, table 10.5.3-1): the report is there already."""
FOR_DAYS: Final = 100_000
"""Tries that no message makes: what lies with the PACS or the way to it is tried until the report itself is gone."""


@dataclass(frozen=True, slots=True)
class Pacs:
    """Where reports go: the root of a DICOMweb service, and the header that lets us in."""

    url: str
    authorization: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Pacs | None:
        """The configured PACS, if there is one.

        Raises:
            SetupError: Its address is none, or there would be nothing to push.
        """
        if settings.pacs_url is None:
            return None
        if not settings.report_days:
            raise SetupError("STEPWEDGE_PACS_URL wants reports and STEPWEDGE_REPORT_DAYS=0 has none: set the days to 1 or more.")
        try:
            address = httpx.URL(settings.pacs_url)
        except httpx.InvalidURL:
            raise SetupError("STEPWEDGE_PACS_URL is no address.") from None
        if address.scheme not in {"http", "https"} or not address.host:
            raise SetupError("STEPWEDGE_PACS_URL is the root of a DICOMweb service, such as https://pacs.example/dicom-web.")
        secret = settings.pacs_authorization
        return cls(settings.pacs_url.rstrip("/"), None if secret is None else secret.get_secret_value())

    def client(self) -> httpx.Client:
        """A client that follows nobody elsewhere: the report names a patient."""
        headers = {} if self.authorization is None else {"Authorization": self.authorization}
        return httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, headers=headers)


def store(client: httpx.Client, pacs: Pacs, instance: bytes) -> Trouble | None:
    """Store a part 10 file; None when the PACS has it, now or already. No UID is in the address, where a proxy would log it."""
    boundary = sha256(instance).hexdigest()
    headers = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}', "Accept": "application/dicom+json"}
    body = b"".join((f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(), instance, f"\r\n--{boundary}--\r\n".encode()))
    try:
        with client.stream("POST", f"{pacs.url}/studies", content=body, headers=headers) as response:
            return trouble_of(response.status_code, _start_of(response))
    except httpx.HTTPError as error:
        return Trouble(type(error).__name__, FOR_DAYS)


def trouble_of(status: int, answer: bytes) -> Trouble | None:
    """What an answer means for the one instance that was sent.

    >>> trouble_of(200, b""), trouble_of(409, b'{"00081198": {"Value": [{"00081197": {"Value": [273]}}]}}')
    (None, None)
    >>> trouble_of(200, b'{"00081198": {"Value": [{"00081197": {"Value": [42752]}}]}}')
    Trouble(reason='HTTP 200, failure reason A700', tries=22)
    """
    reasons = _reasons(answer)
    if reasons and all(reason == DUPLICATE for reason in reasons):
        return None
    if reasons:
        return Trouble(f"HTTP {status}, failure reason {reasons[0]:04X}")
    return None if httpx.codes.is_success(status) else Trouble(f"HTTP {status}", FOR_DAYS)


def _start_of(response: httpx.Response) -> bytes:
    """As much of an answer as one instance can need; what is longer is no answer to it."""
    found = bytearray()
    for chunk in response.iter_bytes():
        found += chunk
        if len(found) > ANSWER_BYTES:
            return b""
    return bytes(found)


def _reasons(answer: bytes) -> Sequence[int]:
    """Failure reasons of the failed instances; 0 for one without; none where nothing failed or the answer is not DICOM JSON."""
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        return ()
    dataset = document[0] if isinstance(document, list) and document else document
    return [_reason(item) for item in _values(dataset, FAILED)]


def _reason(item: object) -> int:
    reason = next(iter(_values(item, REASON)), 0)
    return reason & 0xFFFF if isinstance(reason, int) else 0


def _values(dataset: object, tag: str) -> Sequence[Any]:
    element = dataset.get(tag) if isinstance(dataset, Mapping) else None
    values = element.get("Value") if isinstance(element, Mapping) else None
    return values if isinstance(values, list) else ()
