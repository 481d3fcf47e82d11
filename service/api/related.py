"""multipart/related to its parts, as the bytes arrive (RFC 2387, RFC 2046). Nothing is kept but the end of a chunk that may be a boundary.

Starlette's form() reads multipart/form-data only, and into memory; a study of two gigabytes must neither wait nor lie there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from service.errors import InvalidRequestError

MOST_PARTS = 10_000
MOST_HEADER_BYTES = 8192
LONGEST_BOUNDARY = 200
LONGEST_PADDING = 256
BROKEN = "The multipart body is not well formed, or ends too early."


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part, with its headers by lower-case name."""

    headers: Mapping[str, str]


class PartEnds:
    """The part that was begun is complete."""


Event = PartBegins | bytes | PartEnds
"""bytes: the next piece of the part."""


class _State(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    BODY = auto()
    EPILOGUE = auto()


class RelatedReader:
    """Takes the body in pieces of any size, gives what is in it.

    A boundary counts at the beginning of a line that CRLF ended (or at the very beginning): a bare LF may be pixel data. Lines of
    headers may end in a bare LF.
    """

    def __init__(self, boundary: bytes) -> None:
        if not 0 < len(boundary) <= LONGEST_BOUNDARY:
            raise InvalidRequestError(f"The media type of a multipart body names its boundary, of {LONGEST_BOUNDARY} characters at most.")
        self._delimiter = b"\r\n--" + boundary
        self._rest = b"\r\n"
        self._state = _State.PREAMBLE
        self._headers: list[bytes] = []
        self._header_bytes = 0
        self._ahead = len(b"\r\n")
        """Bytes at the beginning of `_rest` that are no data: they let a boundary stand at the very beginning of a part."""
        self.parts = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """What the chunk completes.

        Raises:
            InvalidRequestError: The body is not multipart, has too many parts, or headers that are too long.
        """
        self._rest += chunk
        while True:
            if self._state is _State.EPILOGUE:
                self._rest = b""
                return
            state, length = self._state, len(self._rest)
            yield from self._headers_end() if state is _State.HEADERS else self._to_delimiter()
            if (self._state is state and len(self._rest) == length) or not self._rest:
                return

    def finish(self) -> None:
        """The body is complete.

        Raises:
            InvalidRequestError: The last boundary never came, or there was no part.
        """
        if self._state is not _State.EPILOGUE or not self.parts:
            raise InvalidRequestError(BROKEN)

    def _to_delimiter(self) -> Iterator[Event]:
        """Everything before the next delimiter, and the delimiter itself, if it is there whole."""
        inside = self._state is _State.BODY
        found = self._rest.find(self._delimiter)
        sure = found if found >= 0 else len(self._rest) - len(self._delimiter) + 1
        if sure >= self._ahead:
            piece, self._rest, self._ahead = self._rest[self._ahead : sure], self._rest[sure:], 0
            if inside and piece:
                yield piece
        if found < 0:
            return
        after = self._rest[len(self._delimiter) :]
        closing, line_ends = after.startswith(b"--"), after.find(b"\n")
        if not closing and line_ends < 0:
            if len(after) > LONGEST_PADDING:
                raise InvalidRequestError(BROKEN)
            return
        if inside:
            yield PartEnds()
        if closing:
            self._state, self._rest = _State.EPILOGUE, b""
            return
        if after[:line_ends].strip(b" \t\r"):
            raise InvalidRequestError(BROKEN)
        self._rest, self._state = after[line_ends + 1 :], _State.HEADERS

    def _headers_end(self) -> Iterator[Event]:
        """Lines of headers, up to the empty one."""
        while (end := self._rest.find(b"\n")) >= 0:
            line, self._rest = self._rest[:end].removesuffix(b"\r"), self._rest[end + 1 :]
            self._count(len(line) + 1)
            if not line:
                yield PartBegins(self._begin())
                return
            if line[:1] in b" \t" and self._headers:
                self._headers[-1] += b" " + line.strip()
            else:
                self._headers.append(line)
        if len(self._rest) > MOST_HEADER_BYTES:
            raise InvalidRequestError("The headers of a part are too long.")

    def _count(self, length: int) -> None:
        self._header_bytes += length
        if self._header_bytes > MOST_HEADER_BYTES:
            raise InvalidRequestError("The headers of a part are too long.")

    def _begin(self) -> Mapping[str, str]:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise InvalidRequestError(f"A request may bring {MOST_PARTS} instances at most.")
        pairs = [line.partition(b":") for line in self._headers]
        if not all(colon and name.strip() for name, colon, _ in pairs):
            raise InvalidRequestError(BROKEN)
        self._headers, self._header_bytes = [], 0
        # A part without a body has its boundary right behind the empty line, whose end is the boundary's beginning.
        self._rest, self._ahead, self._state = b"\r\n" + self._rest, len(b"\r\n"), _State.BODY
        return {name.strip().lower().decode("latin-1"): value.strip().decode("latin-1") for name, _, value in pairs}
