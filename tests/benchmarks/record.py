"""Durable records a second, against raw binary COPY of the same rows: `python -m tests.benchmarks.record [--rows N] [--rounds N]`.

Both write the same predictions in transactions of 500 rows to the same durable server, one transaction each in turn, so that a noisy neighbour
meets both; the ratio is that of the median round, each round compared with itself.
Raw COPY writes to a table without any index or key, and knows nothing of idempotency, partitions or marks: it is the speed of the wire.
The last line is one JSON object; `ok` says that recording is at least half as fast.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from service.domain import Prediction, Pseudonyms, Recorded, Scores
from service.store.claims import instance_key
from service.store.columns import COLUMNS, TYPES, fields
from service.store.drivers import driver_cursor
from service.store.engine import open_engine
from service.store.ids import uuid7
from service.store.predictions import record_alone
from tests import postgres

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
GROUP = 500
FINDINGS, DIMENSIONS, ATTRIBUTES, STATISTICS = 14, 64, 25, 12
LEAST_RATIO = 0.5

Write = Callable[[Connection, Sequence[Prediction]], None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000, help="rows a round")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with postgres.server() as server, postgres.migrated_template(server) as template, postgres.database(server, template) as url:
        engine = open_engine(url)
        try:
            print(json.dumps(measure(engine, arguments.rows, arguments.rounds)))
        finally:
            engine.dispose()


def measure(engine: Engine, rows: int, rounds: int) -> dict[str, object]:
    """Rows a second of the median round, and how they compare."""
    seconds: dict[str, list[float]] = {"raw": [], "record": [], "replay": []}
    with engine.connect() as connection:
        connection.execute(text(f"create table raw as select {COLUMNS} from predictions"))
        connection.commit()
        # The first round warms plans and caches up and is not counted.
        for number in range(rounds + 1):
            batch = make_predictions(rows, START + timedelta(hours=number))
            again = [replace(prediction, id=uuid7(prediction.received_at)) for prediction in batch]
            timed = time(connection, {"raw": (raw_copy, batch), "record": (record, batch), "replay": (replay, again)})
            if number:
                for name, value in timed.items():
                    seconds[name].append(value)
                print({name: round(rows / value) for name, value in timed.items()})
        stored = connection.scalar(text("select count(*) from predictions"))
    speed = {name: rows / median(values) for name, values in seconds.items()}
    ratio = median(raw / recorded for raw, recorded in zip(seconds["raw"], seconds["record"], strict=True))
    return {
        "benchmark": "record",
        "rows": rows,
        "rounds": rounds,
        "rows_per_transaction": GROUP,
        "raw_copy_rows_per_second": round(speed["raw"]),
        "record_rows_per_second": round(speed["record"]),
        "replay_rows_per_second": round(speed["replay"]),
        "ratio": round(ratio, 3),
        "least_ratio": LEAST_RATIO,
        "stored": stored,
        "ok": ratio >= LEAST_RATIO and stored == rows * (rounds + 1),
    }


def time(connection: Connection, ways: Mapping[str, tuple[Write, Sequence[Prediction]]]) -> dict[str, float]:
    """Seconds that each way takes for its batch, group by group in turn, each in a durable transaction.

    The films of the benchmark's own making are put out of the garbage collector's sight, as the gateway does with what it starts with: else
    to walk through all of them now and then costs as much as to write them.
    """
    connection.exec_driver_sql("checkpoint")
    connection.commit()
    gc.collect()
    gc.freeze()
    seconds = dict.fromkeys(ways, 0.0)
    for start in range(0, max(len(batch) for _, batch in ways.values()), GROUP):
        for name, (write, batch) in ways.items():
            began = perf_counter()
            write(connection, batch[start : start + GROUP])
            connection.commit()
            seconds[name] += perf_counter() - began
    return seconds


def raw_copy(connection: Connection, group: Sequence[Prediction]) -> None:
    """What psycopg's own documentation recommends for bulk loading."""
    with driver_cursor(connection) as cursor, cursor.copy(f"copy raw ({COLUMNS}) from stdin (format binary)") as copy:
        copy.set_types(list(TYPES.values()))
        for prediction in group:
            copy.write_row(fields(prediction))


def record(connection: Connection, group: Sequence[Prediction]) -> None:
    """What the gateway does; every film is new."""
    if not all(isinstance(answer, Recorded) and not answer.replayed for answer in record_alone(connection, group)):
        raise RuntimeError("a new film was not recorded")


def replay(connection: Connection, group: Sequence[Prediction]) -> None:
    """What the gateway does; every film came before."""
    if not all(isinstance(answer, Recorded) and answer.replayed for answer in record_alone(connection, group)):
        raise RuntimeError("a film that came before was not answered with its first answer")


def make_predictions(count: int, since: datetime) -> list[Prediction]:
    """Films of one hour, as large as those of a real model: 14 findings, 64 dimensions, 25 attributes."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(count, FINDINGS)).astype(np.float32)
    embedding = rng.normal(size=(count, DIMENSIONS)).astype(np.float16)
    numbers = rng.normal(size=(count, ATTRIBUTES + STATISTICS)).tolist()
    return [
        make_prediction(since + timedelta(seconds=3600 * row / count), logits[row], embedding[row], numbers[row]) for row in range(count)
    ]


def make_prediction(at: datetime, logits: NDArray[np.float32], embedding: NDArray[np.float16], numbers: Sequence[float]) -> Prediction:
    """One film; half of its attributes are numbers and half are words."""
    attributes = {
        f"AttributeNumber{index:02d}": value if index % 2 else f"VALUE {value:.0f}" for index, value in enumerate(numbers[:ATTRIBUTES])
    }
    names = Pseudonyms(*(token_bytes(16) for _ in range(5)))
    attributes["ViewPosition"] = "PA"  # so that each film is looked for among those that it may take the place of
    return Prediction(
        id=uuid7(at),
        model_version=1,
        received_at=at,
        site="north",
        caller="pacs",
        key=instance_key(1, names.instance or b""),
        content=token_bytes(32),
        pseudonyms=names,
        attributes=attributes,
        statistics={f"statistic_{index}": value for index, value in enumerate(numbers[ATTRIBUTES:])},
        scores=Scores(logits, embedding),
        pixel_sha256=token_bytes(32),
        input_sha256=token_bytes(32),
        input_bytes=8_000_000,
        duration_ms=12.5,
    )


if __name__ == "__main__":
    main()
