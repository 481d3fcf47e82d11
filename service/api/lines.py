"""A stream of bytes to lines, and a line of CSV to its named cells, in bounded memory."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from service.errors import LabelError, TooLargeError

LONGEST_LINE = 16 * 1024
BOM = b"\xef\xbb\xbf"
NUMBER = "value"
"""The one column that holds a number."""

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

    Where a header has semicolons and no comma, as a spreadsheet writes it in half of Europe, they part the cells, and numbers may have a comma.

    Raises:
        LabelError: The header is no CSV, or names other columns, or one twice.
    """
    delimiter = ";" if b";" in header and b"," not in header else ","
    names = csv_cells(header.removeprefix(BOM), delimiter)
    if not set(names) <= set(columns) or len(set(names)) != len(names):
        raise LabelError(f"The first line names the columns, out of: {', '.join(columns)}.")

    def parse(line: bytes) -> Cells:
        cells = csv_cells(line, delimiter)
        if len(cells) != len(names):
            raise LabelError("The line has not as many cells as the header.")
        named = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
        if delimiter == ";" and NUMBER in named:
            named[NUMBER] = named[NUMBER].replace(",", ".")
        return named

    return parse


def csv_cells(line: bytes, delimiter: str = ",") -> list[str]:
    """The cells of one line; a statement never spans two.

    Raises:
        LabelError: It is no CSV.
    """
    try:
        return next(csv.reader([line.decode()], strict=True, delimiter=delimiter), [])
    except (csv.Error, UnicodeDecodeError):
        raise LabelError("The line is not CSV in UTF-8 (in Excel: save as CSV UTF-8).") from None
