"""A stream of bytes to lines, and a line of CSV to its named cells, in bounded memory."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from service.errors import LabelError, TooLargeError

LONGEST_LINE = 16 * 1024
BOM = b"\xef\xbb\xbf"

Cells = Mapping[str, str]


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a body without their ends; blank ones are given too, so that lines can be counted.

    Raises:
        TooLargeError: A line is too long to be one statement.
    """
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in whole):
            raise TooLargeError(f"A line is longer than {LONGEST_LINE} bytes.")
        for line in whole:
            yield line
    if rest:
        yield rest


def csv_records(header: bytes, columns: Sequence[str]) -> Callable[[bytes], Cells]:
    """A parser of the lines below a CSV header; an empty cell counts as not there.

    Raises:
        LabelError: The header is no CSV, or names other columns, or one twice.
    """
    names = csv_cells(header.removeprefix(BOM))
    if not set(names) <= set(columns) or len(set(names)) != len(names):
        raise LabelError(f"The first line names the columns, out of: {', '.join(columns)}.")

    def parse(line: bytes) -> Cells:
        cells = csv_cells(line)
        if len(cells) != len(names):
            raise LabelError("The line has not as many cells as the header.")
        return {name: cell for name, cell in zip(names, cells, strict=True) if cell}

    return parse


def csv_cells(line: bytes) -> list[str]:
    """The cells of one line; a statement never spans two.

    Raises:
        LabelError: It is no CSV.
    """
    try:
        return next(csv.reader([line.decode()], strict=True), [])
    except (csv.Error, UnicodeDecodeError):
        raise LabelError("The line is not CSV in UTF-8.") from None
