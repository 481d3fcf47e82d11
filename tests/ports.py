"""Ports for the servers of tests."""

from __future__ import annotations

import random
import socket
from typing import Final

BELOW_EPHEMERAL: Final = range(10_240, 32_768)
"""Where no outgoing connection of a neighbour can take a port between our look and the server's start."""


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    source = random.SystemRandom()
    while True:
        port = source.choice(BELOW_EPHEMERAL)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
