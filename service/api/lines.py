"""A stream of bytes to the records of NDJSON or CSV, one line each, in bounded memory."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from service.errors import LabelError, TooLargeError

LONGEST_LINE = 16 * 1024
BOM = b"\xef\xbb\xbf"

Record = Mapping[str, object]
Parse = Callable[[bytes], Record]


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


def json_record(line: bytes) -> Record:
    """One line of NDJSON.

    Raises:
        LabelError: It is no JSON object.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise LabelError("The line is not JSON.") from None
    if not isinstance(record, dict):
        raise LabelError("The line is not a JSON object.")
    return record


def csv_records(header: bytes, columns: Sequence[str]) -> Parse:
    """A parser of the lines below a CSV header; an empty cell counts as not there.

    Raises:
        LabelError: The header is no CSV, or names other columns, or one twice.
    """
    names = csv_cells(header.removeprefix(BOM))
    if not set(names) <= set(columns) or len(set(names)) != len(names):
        raise LabelError(f"The first line names the columns, out of: {', '.join(columns)}.")

    def parse(line: bytes) -> Record:
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
