"""What goes over the pipes between the gateway and a companion process.

Either way: one line of JSON, a list with one object for each film, then the films' bytes one after the other; `length` says how many
each has. A request names `kind`; a reply has `reason` where nothing came of the film, else `ms` and whatever else its work returns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

Part = tuple[Mapping[str, Any], bytes | memoryview]
"""What is said of a film, and its bytes."""


def packed(parts: Sequence[Part]) -> list[bytes | memoryview]:
    """A message as pieces to write."""
    head = [{**said, "length": len(data)} for said, data in parts]
    return [json.dumps(head).encode() + b"\n", *(data for _, data in parts)]


def send(parts: Sequence[Part], stream: BinaryIO) -> None:
    """Write a message."""
    stream.writelines(packed(parts))
    stream.flush()


def receive(stream: BinaryIO) -> list[tuple[dict[str, Any], bytes]] | None:
    """Read a message; None when there are no more."""
    line = stream.readline()
    if not line:
        return None
    return [(said, stream.read(said["length"])) for said in json.loads(line)]
