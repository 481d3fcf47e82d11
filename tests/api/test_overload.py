"""More than fits is told so at once; what fits is answered, and nothing grows."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
from sqlalchemy import Engine

from service.config import Settings
from tests.api.package import COLUMNS, ROWS
from tests.api.serving import register, serving, until_loaded
from tests.api.test_metrics import balanced

SEATS, CALLERS, EACH = 4, 16, 12


def test_four_times_the_capacity_is_turned_away_quickly_and_in_the_books(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    narrow = settings.model_copy(update={"max_waiting": SEATS})
    register(engine, narrow, tmp_path / "package")
    shape = (1, 1, ROWS, COLUMNS)

    def ask(client: httpx.Client, number: int) -> list[tuple[int, float, str | None]]:
        said = []
        for turn in range(EACH):
            values = np.random.default_rng([number, turn]).normal(size=shape).astype(np.float32).ravel().tolist()
            request = {"inputs": [{"name": "input", "shape": shape, "datatype": "FP32", "data": values}]}
            began = time.monotonic()
            reply = client.post("/v2/models/chest/infer", json=request)
            said.append((reply.status_code, time.monotonic() - began, reply.headers.get("retry-after")))
        return said

    with serving(narrow) as client:
        until_loaded(client)
        with ThreadPoolExecutor(CALLERS) as pool:
            said = [one for replies in pool.map(lambda number: ask(client, number), range(CALLERS)) for one in replies]
        counts = Counter(status for status, _, _ in said)
        assert set(counts) == {200, 429}
        assert all(retry is not None for status, _, retry in said if status == 429)
        assert max(seconds for status, seconds, _ in said if status == 429) < 5
        books = balanced(client)
        assert (books["received"], books["recorded"], books["failed"]) == (CALLERS * EACH, counts[200], counts[429])
        assert client.get("/v2/health/ready").status_code == 200
