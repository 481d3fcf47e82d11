"""Coding: which places of the flat vector one prediction adds to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.batch import Batch
from detectors.schema import BRIER, EXCESS, LOG_LOSS, NEGATIVE, POSITIVE, SCORE_BINS, SCORE_RANGE, UNLABELLED, VARIANCE, Schema, score_bin

SOFT_MIDDLE = 0.5

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
    if np.isnan(batch.scores).any():
        raise ValueError("a score is not a number")
    if (batch.labels < 0).any() or (batch.labels > 1).any():
        raise ValueError("a label is outside 0..1")


def count_places(schema: Schema, batch: Batch, embedded: Values) -> Places:
    """Places that each prediction adds one to [n, columns]; `schema.size` stands for none. embedded: what its projection gave."""
    return np.concatenate(
        [np.zeros((len(batch), 1), dtype=np.int64), _feature_places(schema, batch, embedded), _finding_places(schema, batch)], axis=1
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
    """For each label: its row [m], the places that it adds real numbers to [6, m], and the numbers [6, m].

    For probability p and label y: y and p in its calibration group; Brier (y - p)^2; Spiegelhalter's excess (y - p)(1 - 2p) and
    its variance (1 - 2p)^2 p (1 - p); log loss -y log p - (1 - y) log(1 - p).
    """
    row, column = np.nonzero(~np.isnan(batch.labels))
    label = batch.labels[row, column].astype(np.float64)
    logit = np.clip(batch.scores[row, column].astype(np.float64), -SCORE_RANGE, SCORE_RANGE)
    p = expit(logit)
    losses = np.empty((4, len(row)))
    losses[BRIER] = (label - p) ** 2
    losses[EXCESS] = (label - p) * (1 - 2 * p)
    losses[VARIANCE] = (1 - 2 * p) ** 2 * p * (1 - p)
    losses[LOG_LOSS] = np.logaddexp(0, logit) - label * logit
    group = _groups(schema, batch)[row, column]
    width = _widths(schema)[column]
    expected, loss = _starts(schema, "expected")[column], _starts(schema, "losses")[column]
    places = np.stack([expected + group, expected + width + group, *(loss + kind for kind in range(4))])
    return row, places, np.concatenate([[label, p], losses])


def _feature_places(schema: Schema, batch: Batch, embedded: Values) -> Places:
    read = dict(zip(schema.projection.features, embedded.T, strict=True))
    columns: list[NDArray[np.int64]] = []
    for name, numeric in schema.numeric.items():
        values = read[name] if name in read else batch.numeric[name]
        columns.append(numeric.index(values) + schema.blocks[f"feature/{name}"].start)
    columns += [bins.index(batch.categorical[name]) + schema.blocks[f"feature/{name}"].start for name, bins in schema.categorical.items()]
    return np.stack(columns, axis=1) if columns else np.empty((len(batch), 0), dtype=np.int64)


def _finding_places(schema: Schema, batch: Batch) -> Places:
    state = _states(batch.labels)
    group, width = _groups(schema, batch), _widths(schema)
    flagged = batch.scores >= np.asarray(schema.thresholds)
    scores = _starts(schema, "scores") + state * SCORE_BINS + score_bin(batch.scores)
    decisions = _starts(schema, "decisions") + 2 * state + flagged
    labelled = np.where(state == UNLABELLED, schema.size, _starts(schema, "groups") + group)
    positive = np.where(state == POSITIVE, _starts(schema, "groups") + width + group, schema.size)
    return np.concatenate([scores, decisions, labelled, positive], axis=1)


def _states(labels: NDArray[Any]) -> Places:
    states = np.where(labels >= SOFT_MIDDLE, POSITIVE, NEGATIVE)
    return np.where(np.isnan(labels), UNLABELLED, states).astype(np.int64)


def _groups(schema: Schema, batch: Batch) -> Places:
    columns = [np.searchsorted(cuts, batch.scores[:, column], side="right") for column, cuts in enumerate(schema.groups)]
    return np.stack(columns, axis=1).astype(np.int64) if columns else np.empty((len(batch), 0), dtype=np.int64)


def _starts(schema: Schema, block: str) -> Places:
    return np.array([schema.blocks[f"{block}/{finding}"].start for finding in schema.findings], dtype=np.int64)


def _widths(schema: Schema) -> Places:
    return np.array([len(cuts) + 1 for cuts in schema.groups], dtype=np.int64)
