"""A webhook receiver that behaves as it is told: takes, fails, hangs, dies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass
class Receiver:
    """`answers` are used up one a request, then every request is taken. A status, "hang" until released, or "die" without an answer."""

    url: str = ""
    answers: list[int | str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers in self.headers]


@contextmanager
def receiving(*answers: int | str, body: bytes = b"") -> Iterator[Receiver]:
    """A receiver on a free port; `body` is what it answers with."""
    receiver = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            receiver.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            answer = receiver.answers.pop(0) if receiver.answers else 204
            receiver.reached.set()
            if answer == "hang":
                receiver.released.wait(60)
            if isinstance(answer, str):
                self.close_connection = True
                return
            self.send_response(answer)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.released.set()
            server.shutdown()
            thread.join()
