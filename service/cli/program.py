"""All subcommands, in plain sight."""

from __future__ import annotations

import typer

from service.cli.accept import accept
from service.cli.alarms import alarms
from service.cli.archive import archive
from service.cli.audit import audit
from service.cli.compare import compare
from service.cli.demo import demo
from service.cli.doctor import doctor
from service.cli.erase import erase
from service.cli.gateway import gateway
from service.cli.keys import keys
from service.cli.labels import labels
from service.cli.migrate import migrate
from service.cli.reference import reference
from service.cli.register import register
from service.cli.remedies import remedies
from service.cli.replay import replay
from service.cli.report import report
from service.cli.retally import retally
from service.cli.train import train
from service.cli.up import up
from service.cli.words import words
from service.cli.worker import worker
from service.cli.worklist import worklist

HERE, PARTS, WORK = "Everything at once", "Part by part", "At work"
COMMANDS = (
    (HERE, up),
    (HERE, demo),
    (PARTS, gateway),
    (PARTS, worker),
    (PARTS, migrate),
    (WORK, register),
    (WORK, labels),
    (WORK, worklist),
    (WORK, report),
    (WORK, replay),
    (WORK, train),
    (WORK, compare),
    (WORK, archive),
    (WORK, retally),
    (WORK, erase),
    (WORK, doctor),
)
GROUPS = (
    (WORK, "reference", reference),
    (WORK, "alarms", alarms),
    (WORK, "remedies", remedies),
    (WORK, "accept", accept),
    (WORK, "keys", keys),
    (WORK, "words", words),
    (WORK, "audit", audit),
)
EPILOG = "Settings are environment variables: DATABASE_URL and STEPWEDGE_... (service/config.py lists them). `stepwedge doctor` says what is missing."

app = typer.Typer(
    name="stepwedge",
    help="Answers the PACS, keeps an honest record of every answer, and says in time when a radiology model no longer does what it did.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for panel, command in COMMANDS:
    app.command(rich_help_panel=panel)(command)
for panel, name, group in GROUPS:
    app.add_typer(group, name=name, rich_help_panel=panel)
