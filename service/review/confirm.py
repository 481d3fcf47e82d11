"""Confirm: alibi-detect's opinion of an alarm, attached to it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from service.config import Settings
from service.domain import Alarm, Tell
from service.review.child import reviewed
from service.review.draw import FILMS, draw
from service.review.licence import need_alibi
from service.review.verdicts import FOUND, Confirmation
from service.store.audit import ON_SITE
from service.store.reviews import Kind, Review, save_review


def confirm(
    engine: Engine, settings: Settings, alarm: Alarm, *, at: datetime, tell: Tell, films: int = FILMS, actor: str = ON_SITE
) -> Confirmation:
    """Ask alibi-detect about an alarm and attach what it said; asked again, the same comes out and takes the former's place.

    Raises:
        MissingExtraError: It is not installed.
        LicenceError: Nobody has said under which of its terms it is used here.
        ThinWindowError: There are too few films.
        ReviewError: It did not come to an end.
    """
    need_alibi(settings)
    with engine.connect() as connection:
        drawn = draw(connection, alarm, films=films, tell=lambda done, what: tell(done * 0.1, what))
    with reviewed("confirm_process", drawn, lambda done, what: tell(0.1 + done * 0.9, what)) as folder:
        found: dict[str, Any] = json.loads((folder / FOUND).read_text())
    stretches = {name: [one.since.isoformat(), one.until.isoformat()] for name, one in drawn.stretches.items()}
    payload = {**found, "seed": drawn.seed, "cell": drawn.cell, "stretches": stretches, "licence": settings.alibi_licence}
    with engine.begin() as connection:
        save_review(connection, Review(alarm.id, Kind.CONFIRMATION, at, payload), actor=actor)
    return Confirmation.restore(payload)
