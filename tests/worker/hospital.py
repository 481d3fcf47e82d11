"""A small hospital that sends films to a model: two sites, two scanners, one finding, readers who label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import numpy as np
from scipy.special import expit
from sqlalchemy import Engine

from service.domain import Label, ModelVersion, Prediction, Pseudonyms, Scores
from service.store.ids import derived_id, uuid7_floor
from service.store.labels import add_labels
from service.store.models import register
from service.store.predictions import record_batch

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
REFERENCE_DAYS = 40
QUIET_DAYS = 12
MATURITY_DAYS = 7
FILMS_A_DAY = 30


def day(number: int, hour: float = 0.0) -> datetime:
    """An hour of the hospital's so-manieth day."""
    return FIRST + timedelta(days=number, hours=hour)


REFERENCE_END = day(REFERENCE_DAYS)
QUIET_END = day(REFERENCE_DAYS + QUIET_DAYS)


@dataclass(frozen=True)
class Stream:
    """What the hospital sends; the defaults are the quiet stream.

    scanner: model name of the south's scanner. kvp: added to its tube voltage. hidden: share of positives that the model cannot see.
    south_log_odds: added to the truth behind the south's scores. silent: site whose films do not arrive.
    south_patients: who all the films of the south are of; 0: each of another patient.
    """

    films: int = FILMS_A_DAY
    labelled: bool = True
    scanner: str = "Beta"
    kvp: float = 0.0
    hidden: float = 0.0
    south_log_odds: float = 0.0
    silent: str = ""
    south_patients: int = 0


QUIET = Stream()


def make_manifest(model: str = "chest", version: str = "1", **monitoring: object) -> dict[str, object]:
    watched = {
        "alarms_per_year": 1.0,
        "label_maturity_days": MATURITY_DAYS,
        "subgroups": ["site", "PatientSex", "age_band"],
        "categorical": ["ManufacturerModelName", "ViewPosition", "PatientSex"],
        "numeric": ["KVP", "PatientAge", "mean_level"],
    }
    return {
        "name": model,
        "version": version,
        "artifact": {"file": "weights.pt", "format": "torchscript", "sha256": "0" * 64},
        "preprocessing": {"rows": 64, "columns": 64},
        "findings": [{"name": "opacity"}],
        "monitoring": watched | monitoring,
    }


def make_version(engine: Engine, model: str = "chest", version: str = "1", **monitoring: object) -> ModelVersion:
    with engine.begin() as connection:
        return register(
            connection,
            model=model,
            version=version,
            manifest=make_manifest(model, version, **monitoring),
            artifact_sha256="0" * 64,
            package=f"models/{model}/{version}",
            at=FIRST,
        )


def make_film(version: int, at: datetime, rng: np.random.Generator, stream: Stream = QUIET) -> tuple[Prediction, float]:
    """One answered film and the truth about it. Its id follows from what it is: the same film has the same one in every copy of the hospital."""
    south = bool(rng.random() < 0.5)
    logit = float(rng.normal(-1.0, 2.0))
    truth = float(rng.random() < expit(logit + stream.south_log_odds * south))
    seen = -3.0 if truth and rng.random() < stream.hidden else logit
    identifier = derived_id(uuid7_floor(at), f"film of {version}: {logit}")
    prediction = Prediction(
        id=identifier,
        model_version=version,
        received_at=at,
        site="south" if south else "north",
        caller="pacs",
        key=sha256(identifier.bytes).digest(),
        content=sha256(identifier.bytes).digest(),
        pseudonyms=Pseudonyms(_patient(stream, identifier) if south else None, None, None, None, None),
        attributes={
            "ManufacturerModelName": stream.scanner if south else "Alpha",
            "ViewPosition": "AP" if rng.random() < 0.3 else "PA",
            "PatientSex": "F" if rng.random() < 0.5 else "M",
            "PatientAge": float(rng.integers(20, 90)),
            "KVP": float(rng.normal(120.0 + stream.kvp if south else 110.0, 3.0)),
        },
        statistics={"mean_level": float(rng.normal(0.5, 0.1))},
        scores=Scores(np.array([seen], dtype=np.float32), rng.normal(size=4).astype(np.float16)),
        pixel_sha256=None,
        input_sha256=bytes(32),
        input_bytes=1,
        duration_ms=1.0,
    )
    return prediction, truth


def _patient(stream: Stream, film: UUID) -> bytes | None:
    return sha256(bytes([film.bytes[-1] % stream.south_patients])).digest()[:16] if stream.south_patients else None


def make_label(prediction: UUID, value: float = 1.0, at: datetime = FIRST, finding: str = "opacity") -> Label:
    return Label(prediction, finding, value, source="report", reader=None, made_at=at, received_at=at)


def send(engine: Engine, version: ModelVersion, films: Sequence[tuple[Prediction, float]], *, labelled: bool = True) -> None:
    with engine.begin() as connection:
        record_batch(connection, [prediction for prediction, _ in films])
        if labelled:
            add_labels(connection, [make_label(prediction.id, truth, prediction.received_at) for prediction, truth in films])


def send_days(engine: Engine, version: ModelVersion, first: int, days: int, stream: Stream = QUIET) -> list[Prediction]:
    """Send some days of films, most of them by day, as many as `stream.films` each; the same days of the same stream are the same films."""
    sent = list(_films(version, first, days, stream, np.random.default_rng(first)))
    send(engine, version, sent, labelled=stream.labelled)
    return [prediction for prediction, _ in sent]


def send_film(engine: Engine, version: ModelVersion, at: datetime, *, labelled: bool = False, **changes: Any) -> Prediction:
    """Send one more film."""
    film, truth = make_film(version.id, at, np.random.default_rng(int(at.timestamp())))
    send(engine, version, [(replace(film, **changes), truth)], labelled=labelled)
    return film


def label(engine: Engine, prediction: Prediction, value: float, at: datetime) -> None:
    with engine.begin() as connection:
        add_labels(connection, [make_label(prediction.id, value, at)])


def _films(version: ModelVersion, first: int, days: int, stream: Stream, rng: np.random.Generator) -> Iterator[tuple[Prediction, float]]:
    for number in range(first, first + days):
        hours = np.sort(np.clip(rng.normal(13.0, 4.0, stream.films), 0.0, 23.99))
        films = (make_film(version.id, day(number, float(hour)), rng, stream) for hour in hours)
        yield from (film for film in films if film[0].site != stream.silent)
