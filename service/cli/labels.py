"""`stepwedge labels`: what readers stated, into the record."""

from __future__ import annotations

import hashlib
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
CSV, FHIR = "text/csv", "application/fhir+json"
MEDIA_TYPES = {".csv": CSV, ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson", ".json": FHIR}

File = Annotated[
    Path,
    typer.Argument(
        help="CSV with a header line, or NDJSON: one statement a line; or one FHIR R4 resource (.json).",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Url = Annotated[str | None, typer.Option("--url", help="Gateway to send to; default is the one on this machine.", show_default=False)]


def labels(file: File, url: Url = None) -> None:
    """Send labels to a gateway.

    Columns: finding, source, made_at; one of value, assessment, uncertain; one of prediction, accession, study, instance; also tier, reader,
    model, asked, supersedes.

    An import that breaks off goes on where it stopped when the command is given again. Sending a file twice is harmless: a statement is stored
    once. The key of the data folder is used, or STEPWEDGE_API_KEY.
    """
    if file.suffix.lower() not in MEDIA_TYPES:
        raise SetupError(f"The file's name ends in none of {', '.join(MEDIA_TYPES)}.")
    settings = with_own_key(read_settings())
    status, reply = send(settings, url or address_of(settings), file)
    if status not in {200, 207}:
        raise SetupError(
            f"The gateway took no more of the file: {reply.get('title', 'no reason given')} ({status}). {reply.get('detail', '')}"
            " Give the command again, and it goes on where it stopped."
        )
    typer.echo(f"{reply['received']} statements: {reply['accepted']} taken, {reply['refused']} refused; {reply['added']} labels are new.")
    if reply["waiting"]:
        typer.echo(f"{reply['waiting']} of them wait for a film that has not come yet.")
    for problem in reply["errors"][:SHOWN]:
        where = ", ".join(f"{field['location']}: {field['message']}" for field in problem.get("errors", []))
        typer.echo(f"  line {problem['line']}: {problem['detail']} {where}".rstrip(), err=True)
    if reply["refused"]:
        typer.echo("Mend these lines and send the file again; what was taken is not stored twice.", err=True)
        sys.exit(1)


def send(settings: Settings, address: str, file: Path) -> tuple[int, dict[str, Any]]:
    """Stream to the gateway what it has not read of the file yet; status and reply."""
    import httpx  # noqa: PLC0415 - only this command needs it, and the gateway is installed without it

    kind = MEDIA_TYPES[file.suffix.lower()]
    try:
        with httpx.Client(base_url=address, headers=settings.authorization, timeout=httpx.Timeout(120.0, write=None)) as client:
            if kind == FHIR:
                reply = client.post("/v1/labels/fhir", content=file.read_bytes(), headers={"Content-Type": kind})
                return reply.status_code, reply.json()
            named = {"Content-Type": kind, "Stepwedge-Import": digest_of(file)}
            known = client.get(f"/v1/labels/imports/{named['Stepwedge-Import']}")
            done = 0 if known.status_code != httpx.codes.OK or known.json()["finished"] else int(known.json()["lines"])
            if done:
                typer.echo(f"Going on after line {done}.", err=True)
            reply = client.post("/v1/labels", content=pieces(file, kind, done), headers=named | {"Stepwedge-Import-From": str(done)})
        return reply.status_code, reply.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SetupError(
            f"The gateway at {address} does not answer ({type(error).__name__}). Name it with --url; is it running?"
            " Give the command again, and it goes on where it stopped."
        ) from None
    except ValueError:
        raise SetupError(f"What answers at {address} is not Stepwedge.") from None


def digest_of(file: Path) -> str:
    """What names the import of a file: another content is another import."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def pieces(file: Path, kind: str, done: int) -> Iterator[bytes]:
    """The lines of the file after those that are done, in pieces, with a bar that shows how far they are; of CSV the header again."""
    with file.open("rb") as source, typer.progressbar(length=file.stat().st_size, label=file.name, file=sys.stderr) as bar:
        header = b""
        for _ in range(done):
            line = source.readline()
            header = header or (line if line.strip() else b"")
            bar.update(len(line))
        if done and kind == CSV:
            yield header
        while piece := source.read(CHUNK):
            yield piece
            bar.update(len(piece))
