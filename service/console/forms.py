"""Forms: read with their size bounded, and only with the token of the page that they came from."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from service.access import LONGEST_REASON, SHORTEST_REASON
from service.console.visitor import Visitor
from service.errors import InvalidRequestError, TooLargeError
from service.gateway.admit import flowing

FORM = "application/x-www-form-urlencoded"
LARGEST, MOST_FIELDS = 32_768, 300
TOKEN = "token"  # noqa: S105 - the name of a field
STALE = "The form is from another visit. Go back, reload the page, and send it again."


async def read_form(request: Request, visitor: Visitor) -> Mapping[str, str]:
    """The fields of a form that was sent from one of our own pages.

    Raises:
        InvalidRequestError: It is no form, or lacks the token of this visitor.
        TooLargeError, StalledError: The body is too large, or stopped arriving.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidRequestError("A form is expected.")
    body = bytearray()
    async for chunk in flowing(aiter(request.stream())):
        body += chunk
        if len(body) > LARGEST:
            raise TooLargeError
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MOST_FIELDS))
    except ValueError:
        raise InvalidRequestError("The form cannot be read.") from None
    if visitor.guest is not None or not hmac.compare_digest(fields.get(TOKEN, "").encode(), visitor.token.encode()):
        raise InvalidRequestError(STALE)
    return fields


def reason_of(fields: Mapping[str, str]) -> str:
    """The reason that whoever decides gives, in one line.

    Raises:
        InvalidRequestError: There is none, or it is too short or too long.
    """
    reason = " ".join(fields.get("reason", "").split())
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise InvalidRequestError(f"Give a reason, of {SHORTEST_REASON} to {LONGEST_REASON} characters; it is kept in the audit log.")
    return reason


def back_of(fields: Mapping[str, str], otherwise: str) -> str:
    """Where to go afterwards: only to a page of this console, never elsewhere."""
    return safe_back(fields.get("back", ""), otherwise)


def safe_back(back: str, otherwise: str) -> str:
    """An address that is one of this console's; the other where it is not."""
    safe = back.startswith("/console/") and back.isascii() and back.isprintable() and "\\" not in back and "//" not in back
    return back if safe else otherwise
