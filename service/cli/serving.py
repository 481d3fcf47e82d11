"""The HTTP server of the gateway, set up for a clinical network."""

from __future__ import annotations

import asyncio
import gc
import signal
import ssl
import sys
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.app import create_app
from service.config import Settings
from service.errors import SetupError

HEADER_BYTES = 64 * 1024
KEEP_ALIVE_S = 75
DRAIN_S = 10
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of 1.3 are all good."""
SWITCH_S = 0.001


class Corked(asyncio.Transport):
    """A connection on which all that is written in one turn of the event loop leaves together: head and body are one packet."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._written: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._written:
            self._loop.call_soon(self._flush)
        self._written.append(data)

    def _flush(self) -> None:
        written, self._written = self._written, []
        if written and not self._transport.is_closing():
            self._transport.write(b"".join(written))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)


class BoundedHeaders(HttpToolsProtocol):
    """The server's own protocol keeps header bytes without end; this one gives up on a request that never comes to its body."""

    _in_headers = True
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # of the two kinds it is this one
        super().connection_made(Corked(transport, asyncio.get_running_loop()))

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
    certificate = certificate_of(settings)
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
        proxy_headers=False,  # who calls is told by a key, and no address is written anywhere
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        **certificate,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return uvicorn.Server(config)


def certificate_of(settings: Settings) -> dict[str, Any]:
    """What the server needs for TLS; nothing where none is set. A client's certificate lets it in, no more: its key says what it may do.

    Raises:
        SetupError: Only a part of what is needed is set, or a file cannot be used.
    """
    own, key, authorities = settings.tls_certificate, settings.tls_key, settings.tls_client_ca
    if own is None and key is None and authorities is None:
        return {}
    if own is None or key is None:
        raise SetupError("TLS needs both STEPWEDGE_TLS_CERTIFICATE and STEPWEDGE_TLS_KEY.")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own, key, password="")
        if authorities is not None:
            context.load_verify_locations(authorities)
    except (OSError, ValueError) as error:
        raise SetupError(
            f"The files of TLS cannot be used ({type(error).__name__}): a PEM certificate, its key without password, and PEM authorities."
        ) from None
    required = ssl.CERT_NONE if authorities is None else ssl.CERT_REQUIRED
    return {
        "ssl_certfile": own,
        "ssl_keyfile": key,
        "ssl_ca_certs": authorities,
        "ssl_cert_reqs": required,
        "ssl_version": ssl.PROTOCOL_TLS_SERVER,
        "ssl_ciphers": CIPHERS,
    }


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in work are answered first."""
    # After its own good end the server raises the signal that ended it; let that be an ordinary exit.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    # What is loaded now stays; a collection that walked over all of torch's modules would hold up every request for a tenth of a second.
    gc.collect()
    gc.freeze()
    # Threads that work between two waits (inference, the recorder) get the interpreter sooner, and each request's last steps with it.
    sys.setswitchinterval(SWITCH_S)
    server = server_for(settings)
    server.run()
    if not server.started:
        sys.exit(1)


def leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
