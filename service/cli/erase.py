"""`stepwedge erase`: a study or a patient out of the record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from service.cli.secret_files import with_own_pseudonym_key
from service.cli.setup import actor, database, read_settings
from service.errors import SetupError
from service.gateway.key import pseudonym_key
from service.store.engine import connected
from service.store.erase import Named, count
from service.store.erase import erase as erase_rows

What = Annotated[
    Named, typer.Argument(help="Whether the identifiers are StudyInstanceUIDs, PatientIDs or accession numbers.", show_default=False)
]
File = Annotated[
    Path | None,
    typer.Option(
        "--from", help="File with one identifier a line; default is standard input.", exists=True, dir_okay=False, show_default=False
    ),
]
Look = Annotated[bool, typer.Option("--look", help="Only show pseudonyms and how many films they have; for POST /v1/erasures.")]
REMAINS = (
    "Films that still wait on a gateway's own disk leave no row when their turn comes, and those that are being answered now go with the worker's "
    "next pass. Not reached: backups of the database, and what other systems were sent."
)


def erase(what: What, file: File = None, look: Look = False) -> None:
    """Remove everything about a study, a patient or an accession. Sums that were made stay. What was done is audited, not to whom.

    The identifiers are read from a file or from standard input, never from the command line: that would stay in the shell's history.
    """
    from service.gateway.pseudonym import pseudonym  # noqa: PLC0415 - pydicom takes a while to import; --help must not wait for it

    settings = with_own_pseudonym_key(read_settings())
    key, names = pseudonym_key(settings), list(identifiers(what, file))
    if not names:
        raise SetupError("No identifier was given: one a line.")
    total: dict[str, int] = {}
    with database(settings) as url:
        for name in names:
            code = pseudonym(key, what, name)
            with connected(url) as connection:
                if look:
                    typer.echo(f"{code.hex()}  {count(connection, what, code)} films")
                    continue
                for table, rows in erase_rows(connection, what, code, at=datetime.now(UTC), actor=actor()).rows.items():
                    total[table] = total.get(table, 0) + rows
    if not look:
        gone = ", ".join(f"{rows} of {table}" for table, rows in sorted(total.items())) or "nothing; no film is recorded under them"
        typer.echo(f"Erased for {len(names)} identifiers: {gone}.")
        typer.echo(REMAINS, err=True)


def identifiers(what: Named, file: Path | None) -> Iterator[str]:
    """One a line; typed in, it is not shown."""
    if file is None and sys.stdin.isatty():
        yield str(typer.prompt(f"Identifier of the {what}", hide_input=True))
        return
    lines = sys.stdin.read() if file is None else file.read_text()
    yield from (line.strip() for line in lines.splitlines() if line.strip())
