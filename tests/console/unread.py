"""Films that nobody has read yet, and the pixels of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import numpy as np
from sqlalchemy import Engine

from service.config import Settings
from service.domain import Scores
from service.store.blobs import put_named
from service.store.ids import uuid7
from service.store.kept import announce, confirm, name_of, packed
from service.store.models import champion
from service.store.predictions import record_alone
from tests.store.builders import make_prediction

SIDE = 64


def send_unread(engine: Engine, settings: Settings, films: int, kept: int = 0, logits: Sequence[float] = (0.5, -1.25)) -> list[UUID]:
    """So many films of the last hours, answered by the champion of `chest`; the pixels of the first ones are kept."""
    scores = Scores(np.array(logits, dtype=np.float32), np.arange(4, dtype=np.float16))
    now, rng = datetime.now(UTC), np.random.default_rng(5)
    with engine.connect() as connection:
        version = champion(connection, "chest").id
    with engine.begin() as connection:
        batch = [
            make_prediction(f"unread {number}", at=at, id=uuid7(at), model_version=version, scores=scores)
            for number in range(films)
            for at in [now - timedelta(hours=2, seconds=films - number)]
        ]
        record_alone(connection, batch)
    with engine.begin() as connection:
        announce(connection, [one.id for one in batch[:kept]], now)
        for one in batch[:kept]:
            content = packed(rng.normal(0, 1, (1, SIDE, SIDE)).astype(np.float32))
            put_named(settings.object_folder, name_of(one.id), content)
            assert confirm(connection, one.id, content, sha256(content).digest())
    return [one.id for one in batch]
