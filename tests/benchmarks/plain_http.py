"""HTTP/1.1 with as little work as possible: in a benchmark the processors are for the servers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.callers import AUTHORIZED


class Connection:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, body: bytes, **fields: str) -> tuple[int, dict[str, Any]]:
        """Send a film; further fields of the header with underscores for hyphens."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        head = f"POST /v1/models/chest/predictions HTTP/1.1\r\nContent-Type: application/dicom\r\nContent-Length: {len(body)}\r\n{more}"
        return await self._exchange(head, body)

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        return await self._exchange(f"GET {path} HTTP/1.1\r\n", b"")

    def close(self) -> None:
        self._writer.transport.abort()

    async def _exchange(self, head: str, body: bytes) -> tuple[int, dict[str, Any]]:
        fields = {"Host": "127.0.0.1", **AUTHORIZED}
        self._writer.write((head + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n").encode() + body)
        await self._writer.drain()
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        answer = json.loads(await self._reader.readexactly(length))
        return int(lines[0].split()[1]), answer
