"""`stepwedge words`: which words of films are kept as they are, besides those of the standard."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from service.access import Act, Deed
from service.cli.setup import actor, database, read_settings
from service.errors import SetupError
from service.gateway.attributes import word_of
from service.gateway.key import pseudonym_key
from service.gateway.terms import TERMS
from service.gateway.vocabulary import DEVICE, other
from service.store.audit import append
from service.store.engine import connected
from service.store.words import Source, Word, decide, rename_devices
from service.store.words import words as stored_words

words = typer.Typer(
    help="Words of films that are kept as they are. Any other is a keyed category, for somebody may have typed a name.",
    no_args_is_help=True,
)

Keyword = Annotated[str, typer.Argument(help="The attribute: ManufacturerModelName, BodyPartExamined ...", show_default=False)]
Listed = Annotated[list[str], typer.Argument(help="Words as films say them; quote what has spaces. Never a person's.", show_default=False)]


@words.command("list")
def list_words() -> None:
    """Every word that an operator, or enough patients, accepted; and those that were withdrawn."""
    with database(read_settings()) as url, connected(url) as connection:
        found = stored_words(connection)
    for one in found:
        state = "accepted" if one.accepted else "withdrawn"
        typer.echo(f"{one.keyword:<24}{one.word:<40}{one.category}  {state} by {one.source}, {one.at:%Y-%m-%d %H:%M}")
    if not found:
        typer.echo("None yet, besides those of the standard: stepwedge words accept ManufacturerModelName 'ROOM MASTER 3'")


@words.command()
def accept(keyword: Keyword, word: Listed) -> None:
    """Keep these words as they are from now on. Every gateway knows within seconds."""
    settle(keyword, word, accepted=True)


@words.command()
def withdraw(keyword: Keyword, word: Listed) -> None:
    """Keep categories instead of these words from now on, however many patients share them. What is recorded stays."""
    settle(keyword, word, accepted=False)


def settle(keyword: str, said: list[str], *, accepted: bool) -> None:
    """Write down what an operator says of words.

    Raises:
        SetupError: The attribute has no words, or one of them is empty.
    """
    if keyword not in (*TERMS, *DEVICE):
        raise SetupError(f"{keyword} has no words. Those that do: {', '.join(sorted((*TERMS, *DEVICE)))}.")
    settings, now = read_settings(), datetime.now(UTC)
    key = pseudonym_key(settings)
    spelled = [found for one in said if (found := word_of(keyword, one))]
    if len(spelled) < len(said):
        raise SetupError("A word must have letters or digits in it.")
    with database(settings) as url, connected(url) as connection:
        for one in spelled:
            decide(connection, Word(keyword, one, other(key, keyword, one), Source.OPERATOR, accepted=accepted, at=now))
        rename_devices(connection)
        deed = Deed.WORDS_ACCEPTED if accepted else Deed.WORDS_WITHDRAWN
        append(connection, Act(now, actor(), deed, keyword, {"words": spelled if accepted else len(spelled)}))
    for one in spelled:
        typer.echo(f"{keyword} {one}: {'kept as it is' if accepted else other(key, keyword, one)} from now on.")
