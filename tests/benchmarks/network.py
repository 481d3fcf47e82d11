"""A network of model versions as a store holds it: each with a reference of its own, a history of films, and an hour that is new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from detectors.batch import Batch
from detectors.evidence import State
from detectors.packing import pack, unpack
from detectors.reference import KIND, VERSION, Reference, build_reference
from detectors.tally import tally_cells
from service.domain import ModelVersion, Prediction, Pseudonyms, Scores
from service.models.manifest import parse_manifest
from service.store.checkpoints import save_checkpoint
from service.store.day_tallies import mark_days
from service.store.drivers import driver_cursor
from service.store.ids import uuid7
from service.store.models import champions, register
from service.store.predictions import record_batch
from service.store.references import save_reference
from service.store.snapshots import save_snapshot
from service.worker.calendar import DAY, HOUR, number_of
from service.worker.cells import cell_masks, keeps_waves
from service.worker.plan import plan_of
from service.worker.snapshot import SeriesReading, Snapshot

FINDINGS, DIMENSIONS, FILMS_A_DAY, NEW_FILMS, HOURS = 14, 64, 200, 8, 9
TODAY = date(2026, 6, 1)
MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, HOURS + 1, tzinfo=UTC)
SUBGROUPS = {
    "site": tuple(f"site{number}" for number in range(8)),
    "PatientSex": ("F", "M"),
    "age_band": ("0-17", "18-39", "40-64", "65-79", "80+"),
    "ViewPosition": ("AP", "PA"),
    "ManufacturerModelName": ("Alpha", "Beta", "Gamma"),
}
WORDS = (
    "Manufacturer", "ManufacturerModelName", "ViewPosition", "PatientSex", "Modality", "BodyPartExamined", "StationName", "SoftwareVersions",
    "PhotometricInterpretation", "PatientOrientation", "Laterality", "PresentationIntentType", "LossyImageCompression",
)  # fmt: skip
NUMBERS = ("PatientAge", "KVP", "ExposureTime", "XRayTubeCurrent", "Exposure", "Rows", "Columns", "BitsStored", "BitsAllocated")


def manifest(name: str) -> dict[str, object]:
    """A model that is watched in 30 features and 20 subgroups, as far as the service knows so many."""
    from service.models.features import CATEGORICAL, NUMERIC  # noqa: PLC0415 - used here only

    words = [name for name in (*WORDS, *CATEGORICAL) if name in CATEGORICAL]
    numbers = [name for name in (*NUMBERS, *NUMERIC) if name in NUMERIC]
    words = list(dict.fromkeys(words))[:14]
    return {
        "name": name,
        "version": "1",
        "artifact": {"file": "weights.pt", "format": "torchscript", "sha256": "0" * 64},
        "preprocessing": {"rows": 64, "columns": 64},
        "findings": [{"name": f"finding_{number}"} for number in range(FINDINGS)],
        "monitoring": {"subgroups": list(SUBGROUPS), "categorical": words, "numeric": list(dict.fromkeys(numbers))[: 30 - len(words)]},
    }


@cache
def first() -> tuple[Reference, list[dict[str, tuple[int, bytes]]], dict[str, tuple[int, bytes]]]:
    """A reference, the tallies of seven days, and that of an hour."""
    rng = np.random.default_rng(0)
    cells = tuple(f"{name}={value}" for name, values in SUBGROUPS.items() for value in values)
    plan = plan_of(parse_manifest(manifest("first")), cells)
    waves = [cell for cell in cells if keeps_waves(cell)]
    batch, subgroups = films(rng, 6000)
    reference = build_reference(plan, batch, cell_masks(cells, subgroups), np.arange(6000) // 100, waves=waves)

    def encoded(n: int) -> dict[str, tuple[int, bytes]]:
        batch, subgroups = films(rng, n)
        sums = tally_cells(reference.schema, batch, cell_masks(cells, subgroups), waves)
        return {cell: (tally.n, tally.encode()) for cell, tally in sums.items() if tally.n}

    return reference, [encoded(FILMS_A_DAY) for _ in range(7)], encoded(NEW_FILMS)


def films(rng: np.random.Generator, n: int) -> tuple[Batch, dict[str, NDArray[np.object_]]]:
    """Films of the fleet's hospital, and the subgroups that they are in."""
    plan = plan_of(parse_manifest(manifest("first")))
    truth = rng.normal(-2.0, 1.5, size=(n, FINDINGS))
    labels = (rng.random((n, FINDINGS)) < 1 / (1 + np.exp(-truth))).astype(float)
    subgroups = {name: np.array(values, dtype=object)[rng.integers(0, len(values), n)] for name, values in SUBGROUPS.items()}
    words = {name: subgroups.get(name, np.array(["one", "two", "three"], dtype=object)[rng.integers(0, 3, n)]) for name in plan.categorical}
    numbers = {name: rng.normal(60, 10, n) for name in plan.numeric}
    return Batch(truth, labels, numbers, words, rng.normal(size=(n, DIMENSIONS)) * np.linspace(2, 0.2, DIMENSIONS)), subgroups


def settle(engine: Engine, versions: int, days: int, *, judged: bool, start: int = 0) -> None:
    """Put versions, references and history into the store. judged: yesterday was; otherwise the pass after midnight is still to come."""
    for number in range(start, start + versions):
        with engine.begin() as connection:
            version = register(
                connection, model=f"model{number}", version="1", manifest=manifest(f"model{number}"), artifact_sha256="0" * 64,
                package="none", at=NOW,
            )  # fmt: skip
            _history(connection, version, number, days, judged=judged)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


@cache
def _stored() -> tuple[Reference, bytes]:
    return first()[0], first()[0].to_bytes()


def _own_reference(number: int) -> tuple[bytes, bytes]:
    """Digest and bytes of a reference that differs from all others, so that nothing computed of one serves another."""
    header, arrays = unpack(KIND, VERSION, _stored()[1])
    header["plan"]["alarms_per_year"] = 1 + number / 1e6
    header["digest"] = f"{number:032x}"
    return bytes.fromhex(header["digest"]), pack(KIND, VERSION, header, arrays, level=1)


def _history(connection: Connection, version: ModelVersion, number: int, days: int, *, judged: bool) -> None:
    _, templates, hour = first()
    digest, payload = _own_reference(number)
    until = MIDNIGHT - timedelta(days=days)
    reference = save_reference(connection, version.id, since=until - timedelta(days=60), until=until, built_at=until, payload=payload).id
    _copy(
        connection,
        "day_tallies (reference, day, cell, n, payload)",
        ("int4", "date", "text", "int4", "bytea"),
        (
            (reference, TODAY - timedelta(days=ago), cell, n, payload)
            for ago in range(1, days + 1)
            for cell, (n, payload) in templates[ago % 7].items()
        ),
    )
    _copy(
        connection,
        "tallies (reference, hour, cell, n, payload, tallied_at)",
        ("int4", "timestamptz", "text", "int4", "bytea", "timestamptz"),
        ((reference, NOW - timedelta(hours=ago), cell, n, payload, NOW) for ago in range(2, 32) for cell, (n, payload) in hour.items()),
    )
    last = TODAY - timedelta(days=1 if judged else 2)
    state = replace(State.start(_stored()[0]), day=number_of(last), reference=digest)
    save_checkpoint(connection, reference, last, state.encode(), NOW)
    if not judged:
        mark_days(connection, reference, [TODAY - timedelta(days=1)])
    until = MIDNIGHT if judged else MIDNIGHT - HOUR
    former = Snapshot(
        reference, MIDNIGHT if judged else MIDNIGHT - DAY, dict.fromkeys((1, 7, 30, 90), 4000), len(_stored()[0].series), _strongest(), (),
        {}, dict.fromkeys(first()[0].plan.findings, 0.5),
    )  # fmt: skip
    save_snapshot(connection, version.id, until=until, computed_at=NOW, payload=former.to_json())


@cache
def _strongest() -> tuple[SeriesReading, ...]:
    """One series of each family, quiet."""
    by_family = {one.family: one for one in _stored()[0].series}
    return tuple(
        SeriesReading(one.family, one.name, one.feature, one.finding, one.cell, one.bin, 0.01, 0.1, 0.1, 0.05, 0.2)
        for one in by_family.values()
    )


def _copy(connection: Connection, table: str, types: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    with driver_cursor(connection) as cursor, cursor.copy(f"copy {table} from stdin (format binary)") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def new_hour(engine: Engine) -> None:
    """Eight films of every version, received in the last hour."""
    with engine.connect() as connection:
        versions = champions(connection)
    for version in versions:
        with engine.begin() as connection:
            _new_films(connection, version, np.random.default_rng(version.id))


def _new_films(connection: Connection, version: ModelVersion, rng: np.random.Generator) -> None:
    batch, subgroups = films(rng, NEW_FILMS)
    made = []
    for row in range(NEW_FILMS):
        at = NOW - timedelta(minutes=55 - row)
        attributes = {name: str(column[row]) for name, column in batch.categorical.items()}
        numbers = {name: float(column[row]) for name, column in batch.numeric.items()}
        made.append(
            Prediction(
                id=uuid7(at), model_version=version.id, received_at=at, site=str(subgroups["site"][row]), caller="pacs",
                key=rng.bytes(32), content=rng.bytes(32), pseudonyms=Pseudonyms(None, None, None, None, None),
                attributes=attributes | {name: value for name, value in numbers.items() if name[:1].isupper()},
                statistics={name: value for name, value in numbers.items() if not name[:1].isupper()},
                scores=Scores(batch.scores[row].astype(np.float32), batch.embedding[row].astype(np.float16)),
                pixel_sha256=None, input_sha256=bytes(32), input_bytes=1, duration_ms=1.0,
            )
        )  # fmt: skip
    record_batch(connection, made)
