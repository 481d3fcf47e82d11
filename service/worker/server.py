"""Server: the worker's /metrics, /livez and /readyz."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client.exposition import ThreadingWSGIServer
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from service.worker.exposition import Exposition

Probe = Callable[[], bool]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: a probe every few seconds is not news."""


def database_answers(engine: Engine) -> Probe:
    """Make a probe that asks Postgres for one number."""

    def probe() -> bool:
        try:
            with engine.connect() as connection:
                return bool(connection.scalar(text("select 1")) == 1)
        except SQLAlchemyError:
            return False

    return probe


def worker_app(exposition: Exposition, dependencies: dict[str, Probe]) -> WSGIApplication:
    """Make the WSGI application: the series, liveness without I/O, readiness with each dependency by name."""

    def ready() -> tuple[str, dict[str, object]]:
        checks = {name: "ok" if probe() else "unavailable" for name, probe in dependencies.items()}
        healthy = all(state == "ok" for state in checks.values())
        return ("200 OK" if healthy else "503 Service Unavailable"), {"status": "ok" if healthy else "unavailable", "checks": checks}

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return _metrics(exposition, environ, start_response)
            case "/livez":
                return _json(start_response, "200 OK", {"status": "ok"})
            case "/readyz":
                return _json(start_response, *ready())
            case _:
                return _json(start_response, "404 Not Found", {"status": "not found"})

    return app


@contextmanager
def serve(app: WSGIApplication, host: str, port: int) -> Iterator[int]:
    """Serve in a thread until the block ends; yields the port, which is a free one where 0 was asked for."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    server_class = type("Server", (ThreadingWSGIServer,), {"address_family": family})
    server: WSGIServer
    with make_server(host, port, app, server_class=server_class, handler_class=_Quiet) as server:
        thread = Thread(target=server.serve_forever, name="http", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _metrics(exposition: Exposition, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """The series in the form that the scrape accepts, as gzip where it takes that."""
    packed = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
    form, body = exposition.answer(environ.get("HTTP_ACCEPT", ""), packed=packed)
    encoding = [("Content-Encoding", "gzip")] if packed else []
    start_response("200 OK", [("Content-Type", form), ("Content-Length", str(len(body))), *encoding])
    return [body]


def _json(start_response: StartResponse, status: str, content: dict[str, object]) -> list[bytes]:
    body = json.dumps(content).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
    return [body]
