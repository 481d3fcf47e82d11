"""A small document from an address that somebody configured: bounded in size and time, without redirects."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

LARGEST = 1 << 20
TIMEOUT_S = 5.0


class NoRedirect(HTTPRedirectHandler):
    """A redirect could lead from https to anywhere."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def is_safe(address: str) -> bool:
    """Whether nobody on the way can change what comes from there: https, or this machine itself.

    >>> is_safe("https://login.example"), is_safe("http://127.0.0.1:8080/realm"), is_safe("http://login.example"), is_safe("file:///x")
    (True, True, False, False)
    """
    parts = urlsplit(address)
    if parts.scheme == "https":
        return parts.hostname is not None
    try:
        return parts.scheme == "http" and (parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback)
    except ValueError:
        return False


def read_url(address: str) -> bytes:
    """What lies there.

    Raises:
        ValueError: The address is not safe, or there is too much.
        OSError: It does not answer well.
    """
    return _asked(address, None, {})


def post_form(address: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
    """What it answers to a form.

    Raises:
        ValueError: The address is not safe, or there is too much.
        OSError: It does not answer well.
    """
    return _asked(address, urlencode(fields).encode(), headers)


def _asked(address: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    if not is_safe(address):
        raise ValueError("not a safe address")
    request = Request(address, data=body, headers=dict(headers))  # noqa: S310 - is_safe has looked at the scheme
    with build_opener(NoRedirect).open(request, timeout=TIMEOUT_S) as reply:
        content: bytes = reply.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("too much")
    return content
