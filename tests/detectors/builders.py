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

    shift: of scores, in logits; sharpness: factor of scores. prevalence: log odds of the classes, whose films look as ever.
    north_log_odds, south_log_odds: added to the truth given the film. hidden: share of positives that become invisible, hidden_south: there.
    scanner: name of the model at the south site, unseen: share of its films under that name. brightness: shift of an image statistic.
    disagreement: share of pairs of readers of a film who differ.
    ap: share of films taken from the front. clipped: share of films that are.
    missing: share of films that do not say. labelled: share of predictions with a label.
    films_of_a_patient: neighbouring rows are of one patient. south_patients: who all films of the south are of; 0: as the others.
    """

    shift: float = 0.0
    sharpness: float = 1.0
    prevalence: float = 0.0
    north_log_odds: float = 0.0
    south_log_odds: float = 0.0
    hidden: float = 0.0
    hidden_south: float = 0.0
    scanner: str = "Beta"
    unseen: float = 1.0
    brightness: float = 0.0
    embedding: float = 0.0
    missing: float = 0.02
    labelled: float = 1.0
    films_of_a_patient: int = 1
    ap: float = 0.3
    clipped: float = 0.02
    disagreement: float = 0.05
    south_patients: int = 0


def make_plan(**changes: Any) -> Plan:
    plan = Plan(
        findings=("opacity",),
        thresholds=(0.0,),
        numeric=("KVP", "brightness"),
        categorical=("ManufacturerModelName", "ViewPosition", "PatientSex"),
        cells=CELLS,
        flags=("clipped",),
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
    truth_logit = _films(rng, n, stream.prevalence)
    moved = truth_logit + stream.prevalence + np.where(south, stream.south_log_odds, stream.north_log_odds)
    labels = (rng.random(n) < expit(moved)).astype(float)
    hidden = (labels == 1) & (rng.random(n) < np.where(south, np.maximum(stream.hidden, stream.hidden_south), stream.hidden))
    scores = np.where(hidden, -3.0, truth_logit) * stream.sharpness + stream.shift
    labels[rng.random(n) >= stream.labelled] = np.nan
    kvp = np.where(rng.random(n) < stream.missing, np.nan, np.where(south, 120.0, 110.0) + rng.normal(0, 3, n))
    view = np.where(rng.random(n) < stream.ap, "AP", "PA").astype(object)
    view[rng.random(n) < stream.missing] = None
    patients = seed * 1_000_003 + np.arange(n) // stream.films_of_a_patient
    batch = Batch(
        scores=scores[:, None],
        labels=labels[:, None],
        numeric={"KVP": kvp, "brightness": rng.normal(100.0 + stream.brightness, 10.0, n)},
        categorical={
            "ManufacturerModelName": np.where(south, np.where(rng.random(n) < stream.unseen, stream.scanner, "Beta"), "Alpha").astype(
                object
            ),
            "ViewPosition": view,
            "PatientSex": np.where(female, "F", "M").astype(object),
        },
        pairs=_pairs(np.random.default_rng([seed, 1]), labels, stream.disagreement),
        embedding=rng.normal(size=(n, DIMENSIONS)) * np.arange(DIMENSIONS, 0, -1) + stream.embedding,
        flags=np.random.default_rng([seed, 2]).random((n, 1)) < stream.clipped,
        patients=np.where(south, np.arange(n) % stream.south_patients, patients) if stream.south_patients else patients,
    )
    masks: Mapping[str, NDArray[np.bool_]] = {"site=north": ~south, "site=south": south, "PatientSex=F": female, "PatientSex=M": ~female}
    return batch, dict(masks)


def _pairs(rng: np.random.Generator, labels: NDArray[np.float64], disagreement: float) -> NDArray[np.int64]:
    """Two readers of every labelled film."""
    differ, known = rng.random(len(labels)) < disagreement, ~np.isnan(labels)
    columns = (known & ~differ & (labels == 1), known & differ, known & ~differ & (labels == 0))
    return np.asarray(np.stack(columns, axis=1).astype(np.int64)[:, None, :])


def _films(rng: np.random.Generator, n: int, prevalence: float) -> NDArray[np.float64]:
    """Log odds of the truth given the film; films of each class are drawn as ever, in another proportion."""
    drawn = rng.normal(-1.5, 2.0, 20 * n)
    weights = 1 + expit(drawn) * np.expm1(prevalence)
    return rng.choice(drawn, size=n, p=weights / weights.sum()) if n else drawn


def make_reference(n: int = 4000, days: int = 60, *, seed: int = 1000, plan: Plan | None = None, **changes: Any) -> Reference:
    batch, masks = make_rows(n, seed=seed, **changes)
    return build_reference(plan or make_plan(), batch, masks, np.arange(n) * days // n)
