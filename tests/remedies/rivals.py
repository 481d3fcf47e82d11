"""A stream that champion and challenger both answered, with labels, straight into the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from scipy.special import logit
from sqlalchemy import Connection, Engine

from service.domain import Label, ModelVersion, Pseudonyms, Scores
from service.store.ids import uuid7
from service.store.labels import add_labels
from service.store.models import register
from service.store.predictions import record_batch
from service.store.shadow_predictions import Shadow, record_shadows
from tests.models.packages import make_manifest
from tests.store.builders import digest, make_prediction

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
NOW = BEGIN + timedelta(days=20)
PREVALENCE = 0.3
PLAN: dict[str, Any] = {
    "auroc_margin": 0.05, "sensitivity_margin": 0.1, "specificity_margin": 0.1, "subgroup_margin": 0.2, "brier_margin": 0.05,
    "calibration_slope": [0.5, 2.0], "latency_ratio": 10.0,
}  # fmt: skip


def make_version(connection: Connection, version: str, *, state: str = "shadow", sha: str = "", **sections: Any) -> ModelVersion:
    """A version of `chest` with one finding, watched in both sites."""
    finding = {"name": "opacity", "threshold": 0.3}
    values = make_manifest(
        version=version,
        findings=[{**finding, **sections.pop("finding", {})}],
        artifact={"sha256": (sha or version).rjust(64, "0"), "arguments": {"findings": 1}},
        monitoring={"subgroups": ["site"]},
        remedies={"acceptance": {**PLAN, **sections.pop("acceptance", {})}},
        **sections,
    )
    return register(
        connection, model="chest", version=version, manifest=values, artifact_sha256=sha or version, package=f"models/{version}",
        at=BEGIN, state=state,  # type: ignore[arg-type] # one of the two
    )  # fmt: skip


def tell(
    engine: Engine,
    champion: ModelVersion,
    challenger: ModelVersion | None,
    films: int = 600,
    *,
    south: float = 0.0,
    seed: int = 0,
    partly: bool = False,
    beyond: int = 0,
) -> None:
    """Films of both sites within ten days. The challenger sees almost what the champion sees; `south` is what it loses of a positive there.

    partly: it answers those of the south itself, and the champion sees them in its shadow. beyond: films of former calls, whose names are taken.
    """
    rng = np.random.default_rng(seed)
    truth = (rng.random(films) < PREVALENCE).astype(float)
    sites = rng.choice(["north", "south"], films)
    seen = rng.normal(3.0 * (truth - 0.5), 1.2)
    base = (3.0 / 1.44) * seen + logit(PREVALENCE)
    mine = base + rng.normal(0, 0.1, films)
    other = base + rng.normal(0, 0.1, films) - south * truth * (sites == "south")
    predictions, labels, shadows = [], [], []
    for number in range(films):
        at = BEGIN + timedelta(days=10) * (number + 1) / (films + 1)
        names = Pseudonyms(*(digest(f"{kind} {beyond + number}")[:16] for kind in ("patient", "accession", "study", "series", "instance")))
        said, whose = (mine[number], other[number]), (champion.id, challenger.id if challenger else 0)
        if partly and sites[number] == "south":
            said, whose = said[::-1], whose[::-1]
        scores = Scores(np.array([said[0]], np.float32), np.zeros(2, np.float16))
        made = make_prediction(str(beyond + number), at=at, model_version=whose[0], scores=scores, site=str(sites[number]))
        predictions.append(replace(made, id=uuid7(at), pseudonyms=names))
        labels.append(Label(predictions[-1].id, "opacity", truth[number], "report", None, at, at))
        shadows.append(Shadow(predictions[-1].id, whose[1], np.array([said[1]], np.float32), np.zeros(2, np.float16), 3.0, at))
    with engine.begin() as connection:
        record_batch(connection, predictions)
        add_labels(connection, labels)
        if challenger is not None:
            assert record_shadows(connection, shadows) == films
