"""The story: a model is accepted, works, meets another scanner, then other patients; and Stepwedge watches.

Everything a stranger would do is done the way a stranger would do it: films and reports travel over HTTP, the worker's passes read
the database. Only time is played: each day's films carry that day's clock, and the pass of a day is told that the day is over.
The story's last day is yesterday, so a worker that is started afterwards goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
from sqlalchemy import Engine

from service.config import Settings
from service.demo.farewell import farewell
from service.demo.package import PACKAGE
from service.demo.progress import Progress, load_progress, save_progress
from service.demo.report import Report, report, table
from service.demo.scenario import Scenario
from service.demo.stream import Stream
from service.demo.teller import Echo, Teller
from service.domain import ModelVersion
from service.errors import SetupError
from service.models.manifest import read_manifest
from service.models.registry import register_package
from service.store.alarms import alarms_of
from service.store.engine import open_engine
from service.store.models import find_version

READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.1
SEED = 1


def run(settings: Settings, *, database_url: str, address: str, echo: Echo, scenario: Scenario | None = None) -> Report:
    """Tell the story, or the rest of it, or only its end where it was told before.

    Args:
        settings: Says where the data folder and the objects lie, and the key that the gateway asks for.
        database_url: The migrated database of the gateway.
        address: The gateway, which must accept the header Stepwedge-Received-At.
        echo: Prints one line.
        scenario: Another calendar than the usual one; an interrupted story keeps its own.

    Raises:
        SetupError: The gateway does not answer, or not as the demo needs it.
    """
    engine = open_engine(database_url)
    try:
        version = demo_version(engine, settings)
        calendar = scenario or Scenario.ending(datetime.now(UTC).date(), SEED)
        progress = replace(load_progress(settings.data_dir, calendar, version.registered_at), model=version.model)
        save_progress(settings.data_dir, progress)
        for line in foreword(progress):
            echo(line)
        teller = Teller(settings, engine, version, echo)
        if not progress.told:
            with (
                Stream(address, version.model, settings.authorization) as stream,
                httpx.Client(base_url=address, headers=settings.authorization, timeout=60.0) as client,
            ):
                wait_until_ready(client, version.model)
                teller.tell(progress, stream, client)
        with engine.connect() as connection:
            told = report(progress.scenario, alarms_of(connection, version.id))
        for line in ("", *table(told), *cost(teller.seconds), *farewell(told, settings, address, version.model)):
            echo(line)
        return told
    finally:
        engine.dispose()


def demo_version(engine: Engine, settings: Settings) -> ModelVersion:
    """The version that the story is told with: registered once, so that whoever took its place since then stays there."""
    manifest = read_manifest(PACKAGE)
    with engine.connect() as connection:
        known = find_version(connection, manifest.name, manifest.version)
    return known or register_package(engine, settings.object_folder, PACKAGE, at=datetime.now(UTC))


def wait_until_ready(client: httpx.Client, model: str) -> None:
    """Wait until the gateway has every dependency and answers for the model."""
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end:
        try:
            if client.get("/readyz").is_success and client.get(f"/v1/models/{model}").is_success:
                return
        except httpx.TransportError:
            # It is still starting.
            pass
        time.sleep(LOOK_EVERY_S)
    raise SetupError(f"The gateway was not ready within {READY_WITHIN_S:.0f} s; /readyz says what is missing.")


def foreword(progress: Progress) -> Iterator[str]:
    """What is about to be seen."""
    scenario = progress.scenario
    if progress.told:
        yield "The demo's story was told before; this is how it ended. Another data folder (STEPWEDGE_DATA_DIR) tells it anew."
        return
    yield "The demo sends synthetic chest films (drawn by a program; no patient) as DICOM over HTTP, on a clock that is played:"
    yield f"{scenario.acceptance_days} days of acceptance, then {scenario.days - scenario.acceptance_days} days in service, at about {scenario.studies_a_day:.0f} studies a day from two sites."
    if progress.days_told:
        yield f"It was interrupted after day {progress.days_told} and goes on there."


def cost(seconds: dict[str, float]) -> Iterator[str]:
    """Where the time went; nothing for a story that was told before."""
    if seconds:
        parts = ", ".join(f"{value:.0f} s {name}" for name, value in seconds.items())
        yield ""
        yield f"Told in {sum(seconds.values()):.0f} s of waiting: {parts}."
