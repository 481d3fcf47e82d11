"""`stepwedge gateway`: the HTTP side."""

from __future__ import annotations

from service.cli import logs
from service.cli.leash import Leash, tie
from service.cli.setup import database, need_free, read_settings
from service.gateway.allocator import return_freed_memory


def gateway(leash: Leash = None) -> None:
    """Answer the PACS: serve the registered models over HTTP. One process; for more, start more of them on one Postgres."""
    tie(leash)
    logs.configure()
    return_freed_memory()
    settings = read_settings()
    need_free(settings.host, settings.port, "STEPWEDGE_PORT")
    from service.cli.serving import serve  # noqa: PLC0415 - torch takes seconds to import; --help must not wait for it

    with database(settings) as url:
        serve(settings.model_copy(update={"database_url": url}))
