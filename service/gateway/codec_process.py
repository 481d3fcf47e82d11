"""The other side of a CodecPool: `python -m service.gateway.codec_process SECONDS BYTES` decompresses frames from stdin to stdout.

It ends when its stdin does, and so with a gateway that was killed; in the middle of a frame its own alarm ends it.
"""

from __future__ import annotations

import resource
import signal
import sys
from math import ceil
from typing import BinaryIO

from service.errors import UndecodableError
from service.gateway.codec import decompress
from service.gateway.codec_pipe import receive_frame, send_words
from service.gateway.frame import OVERDUE, Words


def confine(memory_bytes: int) -> None:
    """No more memory than that, no files, no core dumps with pixels in them."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow(seconds: int) -> None:
    """Let the next frame use this much processor time, and OVERDUE times as much by the clock; the kernel ends the process beyond."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(used.ru_utime + used.ru_stime) + seconds, hard))
    signal.alarm(OVERDUE * seconds + 1)


def serve(requests: BinaryIO, replies: BinaryIO, seconds: int) -> None:
    """Answer requests until there are no more."""
    while frame := receive_frame(requests):
        allow(seconds)
        try:
            words: Words | None = decompress(frame)
        except (UndecodableError, MemoryError):
            words = None
        send_words(words, replies)
        signal.alarm(0)


if __name__ == "__main__":
    confine(int(sys.argv[2]))
    serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
