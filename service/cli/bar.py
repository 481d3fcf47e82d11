"""A progress bar on standard error, so that what a command says can be piped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from service.domain import Tell

STEPS = 1000
WIDTH = 36


@contextmanager
def bar(label: str) -> Iterator[Tell]:
    """Yields who is to be told how much is done, 0 to 1, and what is being done."""
    with typer.progressbar(length=STEPS, label=label, file=sys.stderr, width=30, item_show_func=lambda item: item) as shown:

        def tell(done: float, what: str) -> None:
            shown.current_item = what[:WIDTH]
            shown.update(round(done * STEPS) - shown.pos)

        yield tell
        tell(1.0, "")
