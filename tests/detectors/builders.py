"""A small hospital for tests: two scanners at two sites, one finding, an embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.batch import Batch
from detectors.plan import Plan
from detectors.reference import Reference, build_reference

DIMENSIONS = 6
CELLS = ("site=north", "site=south", "PatientSex=F", "PatientSex=M")


@dataclass(frozen=True)
class Stream:
    """What the hospital sends; the defaults are the quiet stream.

    shift: of scores, in logits. prevalence: log odds added to the truth, by site. hidden: share of positives that become invisible.
    scanner: name of the model at the south site. brightness: shift of an image statistic. labelled: share of predictions with a label.
    """

    shift: float = 0.0
    north_log_odds: float = 0.0
    south_log_odds: float = 0.0
    hidden: float = 0.0
    scanner: str = "Beta"
    brightness: float = 0.0
    embedding: float = 0.0
    missing: float = 0.02
    labelled: float = 1.0


def make_plan(**changes: Any) -> Plan:
    plan = Plan(
        findings=("opacity",),
        thresholds=(0.0,),
        numeric=("KVP", "brightness"),
        categorical=("ManufacturerModelName", "ViewPosition", "PatientSex"),
        cells=CELLS,
        label_maturity_days=7,
    )
    return replace(plan, **changes)


def make_batch(n: int = 400, *, seed: int = 0, **changes: Any) -> Batch:
    return make_rows(n, seed=seed, **changes)[0]


def make_rows(n: int, *, seed: int, **changes: Any) -> tuple[Batch, dict[str, NDArray[np.bool_]]]:
    """Rows of a stream and the masks of its cells."""
    stream, rng = Stream(**changes), np.random.default_rng(seed)
    south = rng.random(n) < 0.5
    female = rng.random(n) < 0.5
    truth_logit = rng.normal(-1.5, 2.0, n)
    moved = truth_logit + np.where(south, stream.south_log_odds, stream.north_log_odds)
    labels = (rng.random(n) < expit(moved)).astype(float)
    hidden = (labels == 1) & (rng.random(n) < stream.hidden)
    scores = np.where(hidden, -3.0, truth_logit) + stream.shift
    labels[rng.random(n) >= stream.labelled] = np.nan
    kvp = np.where(rng.random(n) < stream.missing, np.nan, np.where(south, 120.0, 110.0) + rng.normal(0, 3, n))
    view = np.where(rng.random(n) < 0.3, "AP", "PA").astype(object)
    view[rng.random(n) < stream.missing] = None
    batch = Batch(
        scores=scores[:, None],
        labels=labels[:, None],
        numeric={"KVP": kvp, "brightness": rng.normal(100.0 + stream.brightness, 10.0, n)},
        categorical={
            "ManufacturerModelName": np.where(south, stream.scanner, "Alpha").astype(object),
            "ViewPosition": view,
            "PatientSex": np.where(female, "F", "M").astype(object),
        },
        embedding=rng.normal(size=(n, DIMENSIONS)) * np.arange(DIMENSIONS, 0, -1) + stream.embedding,
    )
    masks: Mapping[str, NDArray[np.bool_]] = {"site=north": ~south, "site=south": south, "PatientSex=F": female, "PatientSex=M": ~female}
    return batch, dict(masks)


def make_reference(n: int = 4000, days: int = 60, *, seed: int = 1000, plan: Plan | None = None, **changes: Any) -> Reference:
    batch, masks = make_rows(n, seed=seed, **changes)
    return build_reference(plan or make_plan(), batch, masks, np.arange(n) * days // n)
