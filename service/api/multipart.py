"""multipart/form-data to its parts, as the bytes arrive. In memory only: films never touch a temporary file."""

from __future__ import annotations

from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import InvalidRequestError

MOST_PARTS = 64
BROKEN = "The multipart body is not well formed, or ends too early."


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type in lower case, empty where it names none, and its bytes."""

    media_type: str
    body: bytes


class PartsReader:
    """Takes the body in pieces, gives its parts at the end."""

    def __init__(self, boundary: bytes) -> None:
        self._parts: list[Part] = []
        self._body = bytearray()
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._media_type = ""
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_part_data": lambda data, start, end: self._body.extend(memoryview(data)[start:end]),
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
            )
        except FormParserError as error:
            raise InvalidRequestError(BROKEN) from error

    def feed(self, chunk: bytes) -> None:
        """Read on.

        Raises:
            InvalidRequestError: The body is not multipart, or has too many parts.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequestError(BROKEN) from error

    def parts(self) -> list[Part]:
        """All parts, once the body is complete.

        Raises:
            InvalidRequestError: The last boundary never came, or there was no part.
        """
        if not self._ended or not self._parts:
            raise InvalidRequestError(BROKEN)
        return self._parts

    def _begin(self) -> None:
        if len(self._parts) == MOST_PARTS:
            raise InvalidRequestError(f"A request may bring {MOST_PARTS} instances at most.")
        self._body, self._media_type = bytearray(), ""

    def _end_header(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-type":
            self._media_type = parse_options_header(bytes(value))[0].decode("latin-1")
        self._header = (bytearray(), bytearray())

    def _end(self) -> None:
        self._parts.append(Part(self._media_type, bytes(self._body)))
        self._body = bytearray()

    def _finish(self) -> None:
        self._ended = True
