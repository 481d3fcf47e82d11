"""The HTTP server of the gateway, set up for a clinical network."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.app import create_app
from service.config import Settings

HEADER_BYTES = 64 * 1024
KEEP_ALIVE_S = 75
DRAIN_S = 10


class BoundedHeaders(HttpToolsProtocol):
    """The server's own protocol keeps header bytes without end; this one gives up on a request that never comes to its body."""

    _in_headers = True
    _header_bytes = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_headers or self.transport.is_closing():
            return
        self._header_bytes += len(data)
        if self._header_bytes > HEADER_BYTES:
            self.send_400_response("The headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_headers = False


def server_for(settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        http=BoundedHeaders,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
    return uvicorn.Server(config)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in work are answered first."""
    # After its own good end the server raises the signal that ended it; let that be an ordinary exit.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    server = server_for(settings)
    server.run()
    if not server.started:
        sys.exit(1)


def leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
