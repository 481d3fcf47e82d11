"""The other side of a Renderer: `python -m service.results.render_process` makes a report of each subject from stdin, to stdout.

It ends when its stdin does, and so with a gateway that was killed. What comes in is from our own process, and goes nowhere else.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import BinaryIO

from service.errors import NoReportError
from service.results.renderer import Made
from service.results.report import report
from service.results.subject import Subject

YIELDING = 10
"""How far it steps back: whoever waits for an answer goes before the report of one that was given."""


def serve(subjects: BinaryIO, reports: BinaryIO) -> None:
    """Answer until there are no more."""
    while True:
        try:
            subject = pickle.load(subjects)  # noqa: S301 (written by our own parent)
        except EOFError:
            return
        pickle.dump(made(subject), reports)
        reports.flush()


def made(subject: Subject) -> Made:
    """A report, or why there is none; of an unexpected error its class alone, since its message may quote the film."""
    try:
        return Made(report=report(subject))
    except NoReportError as error:
        return Made(refusal=str(error))
    except Exception as error:  # noqa: BLE001 - the next subject may do better
        return Made(failure=type(error).__name__)


if __name__ == "__main__":
    os.nice(YIELDING)
    serve(sys.stdin.buffer, sys.stdout.buffer)
