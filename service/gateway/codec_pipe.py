"""What goes over the pipes between the gateway and a codec process.

Request: one line of JSON (format, syntax, rows, columns, bits_allocated, length), then the compressed frame.
Reply: one byte, 0 for refused or the bytes of a word; then the words, little endian.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import BinaryIO

import numpy as np

from service.errors import UndecodableError
from service.gateway.frame import FAILED, EncodedFrame, Words
from service.gateway.syntaxes import Format

REFUSED = b"\0"


def send_frame(frame: EncodedFrame, stream: BinaryIO) -> None:
    """Write a request."""
    head = asdict(frame)
    data = head.pop("data")
    stream.write(json.dumps({**head, "length": len(data)}).encode() + b"\n")
    stream.write(data)
    stream.flush()


def receive_frame(stream: BinaryIO) -> EncodedFrame | None:
    """Read a request; None when there are no more."""
    line = stream.readline()
    if not line:
        return None
    head = json.loads(line)
    length = head.pop("length")
    return EncodedFrame(**{**head, "format": Format(head["format"])}, data=stream.read(length))


def send_words(words: Words | None, stream: BinaryIO) -> None:
    """Write a reply; None where the frame was refused."""
    if words is None:
        stream.write(REFUSED)
    else:
        stream.write(bytes((words.dtype.itemsize,)))
        stream.write(np.ascontiguousarray(words).data)
    stream.flush()


def receive_words(stream: BinaryIO, frame: EncodedFrame) -> Words:
    """Read a reply, straight into its array.

    Raises:
        UndecodableError: The frame was refused.
        EOFError: The process ended before the reply did.
    """
    head = stream.read(1)
    if not head:
        raise EOFError
    if head == REFUSED:
        raise UndecodableError(FAILED)
    words: Words = np.empty((frame.rows, frame.columns), f"<u{head[0]}")
    if stream.readinto(words.data.cast("B")) != words.nbytes:  # type: ignore[attr-defined] # a BufferedReader fills what it is given
        raise EOFError
    return words
