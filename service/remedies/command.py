"""Command: a retraining that is asked for by a command of this machine, in the place of a webhook.

The command gets the request as JSON on its standard input and STEPWEDGE_REMEDY in its environment. It only begins the work, say by
`kubectl create -f -` or `systemd-run`: it has a minute. Exit 0 is taken; anything else is tried again, later and later. As with
a webhook a request may come twice, under the same id, where a worker died between the command and its commit.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from datetime import datetime
from random import SystemRandom
from typing import Final

import structlog
from sqlalchemy import Connection, Engine

from service.config import Settings
from service.store.outbox import Kind, Message
from service.worker.attempt import Trouble, attempt_next

PATIENCE_S: Final = 60.0
PASSED_ON: Final = ("PATH", "HOME", "LANG", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
"""Of our environment; the database and its keys are no business of a command."""

log = structlog.get_logger(__name__)


def deliver_by_command(engine: Engine, settings: Settings, now: Callable[[], datetime]) -> int:
    """Try each request that is due, once; how many were taken. Without the setting they stay for the webhook."""
    if settings.retraining_command is None:
        return 0
    words, taken = shlex.split(settings.retraining_command), 0

    def send(_connection: Connection, message: Message) -> Trouble | None:
        return run(words, message.body)

    while (attempt := attempt_next(engine, Kind.RETRAINING, send, now, SystemRandom())) is not None:
        taken += attempt.trouble is None
        log.info("retraining asked for" if attempt.trouble is None else "retraining not asked for", attempts=attempt.tries)
    return taken


def run(words: list[str], body: bytes) -> Trouble | None:
    """Give a request to a command; None when it has taken it, else in a few words why not. Nothing that it prints is kept."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    around = {**kept, "STEPWEDGE_REMEDY": json.loads(body)["data"]["remedy"]}
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, in words, without a shell
            words, input=body, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Trouble("the command took longer than a minute")
    except OSError as error:
        return Trouble(type(error).__name__)
    return None if done.returncode == 0 else Trouble(f"exit {done.returncode}")
