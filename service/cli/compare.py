"""`stepwedge compare`: a challenger beside the champion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.setup import database, read_settings
from service.errors import UnknownVersionError
from service.store.engine import open_engine
from service.store.models import find_version

if TYPE_CHECKING:
    from service.remedies.comparison import Comparison, Criterion

Model = Annotated[str, typer.Argument(help="Name of the model.", show_default=False)]
Version = Annotated[str, typer.Argument(help="The challenger's version.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def compare(model: Model, version: Version, *, as_json: AsJson = False) -> None:
    """Hold a challenger against the champion on the labelled films that both answered. Exit 0: pass. 1: fail. 2: not known yet."""
    from service.remedies.recompare import compared  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it

    with database(read_settings()) as url:
        engine = open_engine(url)
        try:
            with engine.connect() as connection:
                challenger = find_version(connection, model, version)
            if challenger is None:
                raise UnknownVersionError
            found = compared(engine, challenger, datetime.now(UTC))
        finally:
            engine.dispose()
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1))
    else:
        for line in told(found):
            typer.echo(line)
    raise typer.Exit({"pass": 0, "fail": 1}.get(found.decision, 2))


def told(found: Comparison) -> Iterator[str]:
    """The comparison as a table."""
    yield f"{found.decision.upper()}: {found.summary}"
    when = f"; about {found.more} more are needed" if found.more else ""
    day = f", there on {found.ready_on} at today's rate" if found.ready_on else ""
    yield f"{found.model} {found.challenger} beside {found.champion}: {found.cases} labelled films, {found.a_day:.1f} a day{when}{day}"
    yield f"{'measure':<19}{'finding':<16}{'cell':<26}{'champion':>9}{'challenger':>11}{'difference':>24}{'margin':>8}{'p':>8}{'n':>7}  verdict"
    for one in found.criteria:
        yield f"{one.measure:<19}{one.finding:<16}{one.cell:<26}" + numbers(one) + f"  {one.decision or 'not judged'} {one.reason}".rstrip()


def numbers(one: Criterion) -> str:
    """The numbers of a line."""
    if one.champion is None or one.challenger is None:
        return f"{'-':>9}{'-':>11}{'':>24}{'':>8}{'':>8}{one.n:>7}"
    inside = "" if one.low is None else f" [{one.low:+.3f}, {one.high:+.3f}]"
    margin, p = ("" if value is None else f"{value:.3f}" for value in (one.limit, one.p))
    return f"{one.champion:>9.3f}{one.challenger:>11.3f}{f'{one.difference:+.3f}{inside}':>24}{margin:>8}{p:>8}{one.n:>7}"
