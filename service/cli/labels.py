"""`stepwedge labels`: what readers stated, into the record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.secret_files import with_own_key
from service.cli.setup import address_of, read_settings
from service.config import Settings
from service.errors import SetupError

CHUNK = 1 << 16
SHOWN = 20
MEDIA_TYPES = {".csv": "text/csv", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}

File = Annotated[
    Path, typer.Argument(help="CSV with a header line, or NDJSON: one statement a line.", exists=True, dir_okay=False, show_default=False)
]
Url = Annotated[str | None, typer.Option("--url", help="Gateway to send to; default is the one on this machine.", show_default=False)]


def labels(file: File, url: Url = None) -> None:
    """Send labels to a gateway. Columns: finding, value, source, made_at, and one of prediction, accession, instance; also reader, model.

    Sending a file twice is harmless: a statement is stored once. The key of the data folder is used, or STEPWEDGE_API_KEY.
    """
    if file.suffix.lower() not in MEDIA_TYPES:
        raise SetupError(f"The file's name ends in none of {', '.join(MEDIA_TYPES)}.")
    settings = with_own_key(read_settings())
    status, reply = send(settings, url or address_of(settings), file)
    if status not in {200, 207}:
        raise SetupError(
            f"The gateway took no more of the file: {reply.get('title', 'no reason given')} ({status}). {reply.get('detail', '')}"
        )
    typer.echo(f"{reply['received']} statements: {reply['accepted']} taken, {reply['refused']} refused; {reply['added']} labels are new.")
    for problem in reply["errors"][:SHOWN]:
        where = ", ".join(f"{field['location']}: {field['message']}" for field in problem.get("errors", []))
        typer.echo(f"  line {problem['line']}: {problem['detail']} {where}".rstrip(), err=True)
    if reply["refused"]:
        typer.echo("Mend these lines and send the file again; what was taken is not stored twice.", err=True)
        sys.exit(1)


def send(settings: Settings, address: str, file: Path) -> tuple[int, dict[str, Any]]:
    """Stream the file to the gateway; status and reply."""
    import httpx  # noqa: PLC0415 - only this command needs it, and the gateway is installed without it

    try:
        with httpx.Client(base_url=address, headers=settings.authorization, timeout=httpx.Timeout(60.0, write=None)) as client:
            reply = client.post("/v1/labels", content=pieces(file), headers={"Content-Type": MEDIA_TYPES[file.suffix.lower()]})
        return reply.status_code, reply.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SetupError(f"The gateway at {address} does not answer ({type(error).__name__}). Name it with --url; is it running?") from None
    except ValueError:
        raise SetupError(f"What answers at {address} is not Stepwedge.") from None


def pieces(file: Path) -> Iterator[bytes]:
    """The file in pieces, with a bar that shows how far they are."""
    with file.open("rb") as source, typer.progressbar(length=file.stat().st_size, label=file.name, file=sys.stderr) as bar:
        while piece := source.read(CHUNK):
            yield piece
            bar.update(len(piece))
