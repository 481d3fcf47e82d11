"""Report: Evidently's page on an alarm, kept in the object folder under its own SHA-256 and attached to the alarm."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from service.config import Settings
from service.domain import Alarm, Tell
from service.review.child import reviewed
from service.review.draw import FILMS, Draw, draw
from service.review.licence import need_evidently
from service.review.page import FOUND, PAGE, WORDS
from service.review.verdicts import FOLDER, EvidentlyReport
from service.store.audit import ON_SITE
from service.store.blobs import put_blob
from service.store.reviews import Kind, Review, save_review

CAUTION = (
    "The score is -log10 p, the largest first; a column is called drifting at p < 0.05 divided by the number of columns. These tests take films for independent, which those of a "
    "hospital are not: the alarm does not rest on this page and would stand without it. Each column is shuffled by itself, so that no line "
    "of this page is a film."
)


def report(
    engine: Engine, settings: Settings, alarm: Alarm, *, at: datetime, tell: Tell, films: int = FILMS, actor: str = ON_SITE
) -> EvidentlyReport:
    """Have Evidently write its page on an alarm, keep it, and attach it.

    Raises:
        MissingExtraError: Evidently is not installed.
        ThinWindowError: There are too few films.
        ReviewError: It did not come to an end.
    """
    need_evidently()
    with engine.connect() as connection:
        drawn = draw(connection, alarm, films=films, tell=lambda done, what: tell(done * 0.2, what))
    with reviewed(
        "report_process", drawn, lambda done, what: tell(0.2 + done * 0.8, what), files={WORDS: json.dumps(_words(alarm, drawn))}
    ) as folder:
        found: dict[str, Any] = json.loads((folder / FOUND).read_text())
        sha256 = put_blob(settings.object_folder, FOLDER, (folder / PAGE).read_bytes())
    payload = {**found, "seed": drawn.seed, "cell": drawn.cell, "sha256": sha256}
    with engine.begin() as connection:
        save_review(connection, Review(alarm.id, Kind.REPORT, at, payload), actor=actor)
    return EvidentlyReport.restore(payload)


def _words(alarm: Alarm, drawn: Draw) -> list[str]:
    reference, window = drawn.stretches["reference"], drawn.stretches["window"]
    where = "all films" if drawn.cell == "all" else f"films with {drawn.cell}"
    compared = (
        f"Alarm {alarm.id}, opened {alarm.opened_at:%Y-%m-%d}. Below, Evidently compares {where}: {len(drawn.window)} received from "
        f"{window.since:%Y-%m-%d} to {window.until:%Y-%m-%d} (current) with {len(drawn.reference)} of the reference, {reference.since:%Y-%m-%d} to "
        f"{reference.until:%Y-%m-%d}; at most one of each patient, drawn by seed {drawn.seed}."
    )
    return [alarm.summary, compared, CAUTION]
