"""Bundle: all that a remedy rests on, in one folder that nobody can change afterwards: its name is the hash of what is in it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.config import Settings
from service.domain import Alarm
from service.errors import DamagedObjectError
from service.remedies.summary import summary_page
from service.review.licence import has_evidently
from service.review.verdicts import FOLDER, EvidentlyReport
from service.store.alarms import find_alarm
from service.store.audit import WORKER
from service.store.blobs import fetch_blob, fetch_named
from service.store.day_tallies import days_between
from service.store.models import version_by_id
from service.store.objects import put_folder
from service.store.references import reference_by_id
from service.store.remedies import Remedy, State, remedies_in, set_fields
from service.store.remedy_steps import Step, held, note
from service.store.reviews import Kind, reviews_of
from service.worker.calendar import DAY, day_of
from service.worker.replay import Replayed, replay_alarm

PLACE: Final = "evidence"
PAGE: Final = "summary.html"
LIBRARIES: Final = ("stepwedge", "numpy", "scipy", "sqlalchemy", "pydantic")
BEFORE: Final = 28 * DAY
"""So much of the time before the change is in the folder, for the eye."""

PATIENCE: Final = timedelta(hours=36)
"""After the end of the day that opened the alarm: the worker may be late by a day, and a report that is not there by then will not come."""

Files = Iterator[tuple[str, bytes]]


def bundle_new(engine: Engine, settings: Settings, at: datetime) -> int:
    """Make the folder of each proposal that has none; how many were made. A crash in between makes the same folder again."""
    with engine.connect() as connection:
        waiting = [one for one in remedies_in(connection, State.PROPOSED, State.APPROVED) if one.evidence_bundle is None]
        ready = [one for one in waiting if is_ready(connection, settings, one, at)]
    return sum(make_bundle(engine, settings, one, at) is not None for one in ready)


def is_ready(connection: Connection, settings: Settings, remedy: Remedy, at: datetime) -> bool:
    """Whether what other libraries say of the alarm is there, or is not to be waited for."""
    if not settings.review_alarms or not has_evidently() or at - remedy.proposed_at > PATIENCE:
        return True
    return Kind.REPORT in reviews_of(connection, remedy.alarm)


def make_bundle(engine: Engine, settings: Settings, remedy: Remedy, at: datetime) -> str | None:
    """Write the folder of a remedy, and its hash to the remedy; None where its alarm is gone or it has one."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        alarm, replayed = find_alarm(connection, remedy.alarm), replay_alarm(connection, remedy.alarm)
        if alarm is None or replayed is None:
            return None
        files = dict(_files(connection, settings, remedy, alarm, replayed))
    digest = digest_of(files)
    with TemporaryDirectory(prefix="stepwedge-") as place:
        for name, content in files.items():
            (Path(place) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(place) / name).write_bytes(content)
        put_folder(settings.object_folder, f"{PLACE}/{digest}", Path(place))
    with engine.begin() as connection:
        if held(connection, remedy.id).evidence_bundle is not None:
            return None
        set_fields(connection, remedy.id, {"evidence_bundle": digest})
        note(connection, Step(remedy.id, "evidence", at, WORKER, "the folder of evidence is made", {"sha256": digest, "files": len(files)}))
    return digest


def digest_of(files: dict[str, bytes]) -> str:
    """SHA-256 over the names and hashes of all files, as sorted JSON: the name of the folder."""
    index = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()


def summary_of(settings: Settings, digest: str) -> bytes:
    """The page of a folder, held against the folder's own index.

    Raises:
        DamagedObjectError: It is not the one that was put there.
        FileNotFoundError: It is not there any more.
    """
    name = f"{PLACE}/{digest}"
    index: dict[str, str] = json.loads(fetch_named(settings.object_folder, f"{name}/.index.json"))
    page = fetch_named(settings.object_folder, f"{name}/{PAGE}")
    right = hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest() == digest
    if not right or hashlib.sha256(page).hexdigest() != index[PAGE]:
        raise DamagedObjectError
    return page


def _files(connection: Connection, settings: Settings, remedy: Remedy, alarm: Alarm, replayed: Replayed) -> Files:
    version, reference = version_by_id(connection, alarm.model_version), reference_by_id(connection, alarm.reference)
    attached = reviews_of(connection, alarm.id)
    yield "alarm.json", _json(asdict(alarm))
    yield "model.json", _json(asdict(version))
    yield "plan.json", _json({"remedy": remedy.id, "action": remedy.action, "plan": remedy.plan})
    yield "reference.bin", reference.payload
    yield "reference.json", _json({name: getattr(reference, name) for name in ("id", "since", "until", "built_at", "excluded", "reason")})
    first, last = day_of(alarm.since - BEFORE), day_of(alarm.opened_at)
    for cell in dict.fromkeys(("all", alarm.cell)):
        for stored in days_between(connection, alarm.reference, first, last, cell):
            yield f"tallies/{cell}/{stored.day}.bin", stored.payload
    yield "code.json", _json({"python": platform.python_version(), **{name: installed(name) for name in LIBRARIES}})
    again = f"stepwedge alarms replay {alarm.id}"
    yield "replay.json", _json({"command": again, "days": replayed.days, "differing": replayed.differing})
    if Kind.CONFIRMATION in attached:
        yield "confirmation.json", _json(attached[Kind.CONFIRMATION].payload)
    if Kind.REPORT in attached:
        found = EvidentlyReport.restore(attached[Kind.REPORT].payload)
        yield "evidently.html", fetch_blob(settings.object_folder, FOLDER, found.sha256)
    yield PAGE, summary_page(version, alarm, remedy, replayed).encode()


def _json(value: object) -> bytes:
    return json.dumps(value, default=_spelled, sort_keys=True, indent=1).encode()


def _spelled(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else list(value)  # type: ignore[call-overload] # a tuple of JSON values
