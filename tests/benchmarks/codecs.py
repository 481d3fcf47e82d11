"""What it costs to decompress in another process: `python -m tests.benchmarks.codecs [--size N] [--films N]`.

The same film of N x N pixels, decoded from bytes to `Image` with the codec in this process and in a pool of one, in turns. Bounds: no
syntax takes more than 1.5 times as long, nor JPEG 2000, which most archives send, more than 1.2 times; and the process weighs at most
80 MB before its first large film. The last line is one JSON object; `ok` says that the bounds held.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from service.gateway.codec import decompress
from service.gateway.decode import decode
from service.gateway.frame import Codec
from service.gateway.isolation import CodecPool
from service.gateway.limits import Limits
from service.models.manifest import Accepts
from tests.films import make_film, phantom

SYNTAXES = {"jpeg_2000": JPEG2000Lossless, "jpeg_ls": JPEGLSLossless, "rle": RLELossless}
MOST, MOST_JPEG_2000, MOST_BYTES = 1.5, 1.2, 80 << 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=2048, help="rows and columns of the film")
    parser.add_argument("--films", type=int, default=15, help="of each syntax")
    arguments = parser.parse_args()
    with CodecPool() as pool:
        decode(make_film(syntax=JPEG2000Lossless), Limits(), pool, Accepts())
        weight = resident(children())
        ratios = {name: round(compare(make(syntax, arguments.size), pool, arguments.films), 3) for name, syntax in SYNTAXES.items()}
    held = max(ratios.values()) <= MOST and ratios["jpeg_2000"] <= MOST_JPEG_2000 and weight <= MOST_BYTES
    figures = {"size": arguments.size, "time_over_time_in_process": ratios, "process_bytes": weight}
    print(json.dumps({"benchmark": "codecs", **figures, "ok": held}))


def make(syntax: str, size: int) -> bytes:
    return make_film(phantom(size, size), syntax=syntax)


def compare(film: bytes, pool: Codec, films: int) -> float:
    """Time of the pool over time in this process, medians of turns."""
    seconds: dict[str, list[float]] = {"here": [], "there": []}
    for turn in range(films + 1):
        for name, codec in (("here", decompress), ("there", pool)):
            taken = time(lambda codec=codec: decode(film, Limits(), codec, Accepts()))  # type: ignore[misc] # bound now
            if turn:  # the first warms up
                seconds[name].append(taken)
    return median(seconds["there"]) / median(seconds["here"])


def time(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def children() -> list[int]:
    return [int(child) for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def resident(processes: list[int]) -> int:
    """Bytes of memory that processes hold."""
    lines = (line for pid in processes for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
