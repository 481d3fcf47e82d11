"""`stepwedge demo`: the story of a model that goes bad."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.leash import Leash, tie
from service.cli.secret_files import with_own_key
from service.cli.setup import address_of, database, read_settings

Url = Annotated[
    str | None,
    typer.Option(
        "--url", help="Gateway to send to, started with STEPWEDGE_REPLAY_CLOCK=true; it needs a key with all roles.", show_default=False
    ),
]


def demo(url: Url = None, leash: Leash = None) -> None:
    """Tell the demo story to a gateway that runs: register a small model, stream synthetic films, print what was done and what was found."""
    tie(leash)
    settings = with_own_key(read_settings())
    from service.demo import story  # noqa: PLC0415 - torch takes seconds to import; --help must not wait for it

    with database(settings) as database_url:
        story.run(settings, database_url=database_url, address=url or address_of(settings), echo=typer.echo)
