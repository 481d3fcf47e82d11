"""Coding: which places of the flat vector one prediction adds to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.batch import Batch
from detectors.panels import BEYOND
from detectors.schema import (
    BRIER,
    DELAYS,
    EXCESS,
    LOG_LOSS,
    MASS_BINS,
    NEGATIVE,
    PATIENT_BUCKETS,
    POSITIVE,
    SCORE_BINS,
    SCORE_RANGE,
    UNLABELLED,
    VARIANCE,
    Schema,
    score_bin,
)

SOFT_MIDDLE = 0.5
DOUBT = 3.0
"""By how much the scatter of such labels beyond 0 and 1 is counted: they stand for films whose truth is not known, and whose readers' rates
are estimates. With 3 the intervals hold the truth as often as they say (`python -m tests.benchmarks.truth`)."""
HEAVIEST = 1000.0
"""Largest weight of a label; one that was asked for once in more than a thousand says nothing of the others."""

Places = NDArray[np.int64]
Values = NDArray[np.float64]


def check(schema: Schema, batch: Batch) -> None:
    """Raise ValueError where a batch cannot be counted by a schema."""
    if batch.scores.shape[1] != len(schema.findings):
        raise ValueError("the batch has another number of findings than the schema")
    if not (
        set(schema.numeric) - set(schema.projection.features) <= set(batch.numeric) and set(schema.categorical) <= set(batch.categorical)
    ):
        raise ValueError("the batch lacks a feature of the schema")
    if schema.flags and batch.flags is not None and batch.flags.shape[1] != len(schema.flags):
        raise ValueError("the batch has another number of flags than the schema")
    if np.isnan(batch.scores).any():
        raise ValueError("a score is not a number")
    beyond = np.zeros(batch.labels.shape) if batch.pairs is None else np.where(batch.pairs.any(axis=2), BEYOND, 0.0)
    if (batch.labels < -beyond).any() or (batch.labels > 1 + beyond).any():
        raise ValueError("a label is outside 0..1, and farther than the label of a panel may be")
    if batch.weights is not None and not ((batch.weights >= 1) & (batch.weights <= HEAVIEST)).all():
        raise ValueError("the weight of a label is outside 1..1000")


def count_places(schema: Schema, batch: Batch, embedded: Values) -> Places:
    """Places that each prediction adds one to [n, columns]; `schema.size` stands for none. embedded: what its projection gave."""
    return np.concatenate(
        [
            np.zeros((len(batch), 1), dtype=np.int64),
            _film_places(schema, batch),
            _feature_places(schema, batch, embedded),
            _finding_places(schema, batch),
        ],
        axis=1,
    )


def wave_columns(schema: Schema, embedded: Values) -> NDArray[np.int8]:
    """What each prediction adds to the block of waves [n, 1 + 512]; nothing where it has no embedding."""
    columns = np.zeros((len(embedded), 1 + schema.kernel.size), dtype=np.int8)
    if schema.kernel.size:
        known = np.isfinite(embedded).all(axis=1)
        columns[known, 0] = 1
        columns[known, 1:] = schema.kernel.waves(embedded[known, : len(schema.projection.components)])
    return columns


def sum_places(schema: Schema, batch: Batch) -> tuple[Places, Places, Values]:
    """For each label of weight 1: its row [m], the places that it adds real numbers to [6, m], and the numbers [6, m].

    For probability p and label y, the probability that the finding is there: y and p in its calibration group; the expected Brier loss
    y (1 - p)^2 + (1 - y) p^2; Spiegelhalter's excess (y - p)(1 - 2p) and its variance (1 - 2p)^2 p (1 - p); log loss
    -y log p - (1 - y) log(1 - p).
    """
    row, column = np.nonzero(_plain(batch))
    label = batch.labels[row, column].astype(np.float64)
    logit = np.clip(batch.scores[row, column].astype(np.float64), -SCORE_RANGE, SCORE_RANGE)
    p = expit(logit)
    losses = np.empty((4, len(row)))
    losses[BRIER] = label * (1 - p) ** 2 + (1 - label) * p**2
    losses[EXCESS] = (label - p) * (1 - 2 * p)
    losses[VARIANCE] = (1 - 2 * p) ** 2 * p * (1 - p)
    losses[LOG_LOSS] = np.logaddexp(0, logit) - label * logit
    group = _groups(schema, batch)[row, column]
    width = _widths(schema)[column]
    expected, loss = _starts(schema, "expected")[column], _starts(schema, "losses")[column]
    places = np.stack([expected + group, expected + width + group, *(loss + kind for kind in range(4))])
    return row, places, np.concatenate([[label, p], losses])


def flag_columns(schema: Schema, batch: Batch) -> NDArray[np.bool_] | None:
    """What each prediction adds to the block of flags [n, flags]; None where nothing does."""
    return batch.flags if schema.flags else None


def weighted_places(schema: Schema, batch: Batch) -> tuple[Places, Places, Values]:
    """For each label that is soft or weighs more than one: its row [m], the places that it changes [7, m], and by how much [7, m].

    What it adds to the sums of its stratum (schema.READ and those after it) and of its score, less what it adds to the plain counts. A label
    beyond 0 or 1 adds more to the squares, for both classes: what is not known of its film.
    """
    weights = np.ones(batch.labels.shape) if batch.weights is None else batch.weights
    plain = _plain(batch)
    soft = (batch.labels != 0) & (batch.labels != 1)
    row, column = np.nonzero(~np.isnan(batch.labels) & (soft | (weights != 1)))
    y, w, counted = batch.labels[row, column], weights[row, column], plain[row, column].astype(np.float64)
    positive = counted * (y >= SOFT_MIDDLE)
    stratum, width = _strata(schema, batch)[row, column], _stratum_widths(schema)[column]
    reading, mass = _starts(schema, "reading")[column] + stratum, _starts(schema, "mass")[column] + mass_bin(batch.scores[row, column])
    places = np.stack([*(reading + kind * width for kind in range(5)), mass, mass + MASS_BINS])
    doubt = DOUBT * np.maximum(y * (y - 1), 0.0)
    sums = [1 - counted, w - counted, w * y - positive, w**2 * (1 + 2 * doubt) - counted, w**2 * (y + doubt) - positive]
    return row, places, np.stack([*sums, w * (1 - y) - (counted - positive), w * y - positive])


def pair_columns(batch: Batch) -> NDArray[np.int64] | None:
    """Pairs of readers [n, findings, 3]; None where no film of the batch had two."""
    return batch.pairs if batch.pairs is not None and batch.pairs.any() else None


def mass_bin(scores: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Bin of each logit in the weighted histogram."""
    return score_bin(scores) // (SCORE_BINS // MASS_BINS)


def _plain(batch: Batch) -> NDArray[np.bool_]:
    """Labels that weigh one: those that plain counts may count."""
    known = ~np.isnan(batch.labels)
    return known if batch.weights is None else known & (batch.weights == 1)


def _film_places(schema: Schema, batch: Batch) -> Places:
    """By patient, and by whether anything is there and anything was flagged."""
    patients = np.full(len(batch), -1) if batch.patients is None else batch.patients
    bucket = np.where(patients < 0, 0, 1 + patients % PATIENT_BUCKETS)
    known = np.where(_plain(batch), batch.labels, np.nan)
    there = (known >= SOFT_MIDDLE).any(axis=1)
    absent = ~there & ~np.isnan(known).any(axis=1)
    state = np.where(there, POSITIVE, np.where(absent, NEGATIVE, UNLABELLED))
    flagged = (batch.scores >= np.asarray(schema.thresholds)).any(axis=1)
    nothing = schema.blocks["nothing"].start + 2 * state + flagged
    return np.asarray(np.stack([schema.blocks["patients"].start + bucket, nothing], axis=1), dtype=np.int64)


def _feature_places(schema: Schema, batch: Batch, embedded: Values) -> Places:
    read = dict(zip(schema.projection.features, embedded.T, strict=True))
    columns: list[NDArray[np.int64]] = []
    for name, numeric in schema.numeric.items():
        values = read[name] if name in read else batch.numeric[name]
        columns.append(numeric.index(values) + schema.blocks[f"feature/{name}"].start)
    columns += [bins.index(batch.categorical[name]) + schema.blocks[f"feature/{name}"].start for name, bins in schema.categorical.items()]
    return np.stack(columns, axis=1) if columns else np.empty((len(batch), 0), dtype=np.int64)


def _finding_places(schema: Schema, batch: Batch) -> Places:
    state = _states(np.where(_plain(batch), batch.labels, np.nan))
    group, width = _groups(schema, batch), _widths(schema)
    flagged = batch.scores >= np.asarray(schema.thresholds)
    scores = _starts(schema, "scores") + state * SCORE_BINS + score_bin(batch.scores)
    decisions = _starts(schema, "decisions") + 2 * state + flagged
    labelled = np.where(state == UNLABELLED, schema.size, _starts(schema, "groups") + group)
    positive = np.where(state == POSITIVE, _starts(schema, "groups") + width + group, schema.size)
    strata = _starts(schema, "strata") + state * _stratum_widths(schema) + _strata(schema, batch)
    return np.concatenate([scores, decisions, labelled, positive, strata, *_delay_places(schema, batch)], axis=1)


def _delay_places(schema: Schema, batch: Batch) -> list[Places]:
    if batch.delays is None:
        return []
    known = ~np.isnan(batch.delays)
    late = np.searchsorted(DELAYS, np.where(known, batch.delays, 0.0), side="left")
    return [np.where(known, _starts(schema, "delays") + late, schema.size)]


def _states(labels: NDArray[Any]) -> Places:
    states = np.where(labels >= SOFT_MIDDLE, POSITIVE, NEGATIVE)
    return np.where(np.isnan(labels), UNLABELLED, states).astype(np.int64)


def _groups(schema: Schema, batch: Batch) -> Places:
    return _between(schema.groups, batch)


def _strata(schema: Schema, batch: Batch) -> Places:
    return _between(schema.strata, batch)


def _between(cuts_of: tuple[tuple[float, ...], ...], batch: Batch) -> Places:
    columns = [np.searchsorted(cuts, batch.scores[:, column], side="right") for column, cuts in enumerate(cuts_of)]
    return np.stack(columns, axis=1).astype(np.int64) if columns else np.empty((len(batch), 0), dtype=np.int64)


def _starts(schema: Schema, block: str) -> Places:
    return np.array([schema.blocks[f"{block}/{finding}"].start for finding in schema.findings], dtype=np.int64)


def _stratum_widths(schema: Schema) -> Places:
    return np.array([len(ends) + 1 for ends in schema.strata], dtype=np.int64)


def _widths(schema: Schema) -> Places:
    return np.array([len(cuts) + 1 for cuts in schema.groups], dtype=np.int64)
