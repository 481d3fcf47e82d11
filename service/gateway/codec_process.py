"""The other side of a CodecPool: `python -m service.gateway.codec_process SECONDS BYTES` decompresses frames from stdin to stdout.

Request: one line of JSON (format, syntax, rows, columns, bits_allocated, length), then the compressed frame.
Reply: one byte, 0 for refused or the bytes of a word; then the words, little endian.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from math import ceil
from typing import BinaryIO

from service.errors import UndecodableError
from service.gateway.codec import EncodedFrame, Words, decompress
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
        stream.write(words.tobytes())
    stream.flush()


def confine(memory_bytes: int) -> None:
    """No more memory than that, no files, no core dumps with pixels in them."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow(seconds: int) -> None:
    """Let the next frame use this much processor time; the kernel ends the process beyond."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(used.ru_utime + used.ru_stime) + seconds, hard))


def serve(requests: BinaryIO, replies: BinaryIO, seconds: int) -> None:
    """Answer requests until there are no more."""
    while frame := receive_frame(requests):
        allow(seconds)
        try:
            words: Words | None = decompress(frame)
        except (UndecodableError, MemoryError):
            words = None
        send_words(words, replies)


if __name__ == "__main__":
    confine(int(sys.argv[2]))
    serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
