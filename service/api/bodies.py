"""JSON bodies, read with their size counted and judged field by field."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from service.errors import TooLargeError, UnsupportedSyntaxError
from service.gateway.admit import flowing

T = TypeVar("T")

LARGEST_BODY = 1 << 20
JSON = "application/json"


async def read_json(request: Request, shape: TypeAdapter[T], kinds: Collection[str] = (JSON,)) -> T:
    """The body of a request, as this shape.

    Raises:
        UnsupportedSyntaxError, TooLargeError, StalledError: The body is not JSON, too large, or stopped arriving.
        RequestValidationError: A field is not valid.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in kinds:
        raise UnsupportedSyntaxError(f"Send {' or '.join(kinds)}.")
    body = bytearray()
    async for chunk in flowing(aiter(request.stream())):
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLargeError
    try:
        return shape.validate_json(bytes(body), strict=True)
    except ValidationError as error:
        found = [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False, include_input=False)]
        raise RequestValidationError(found) from None
