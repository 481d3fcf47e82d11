"""Columns: stored rows as the statistics read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.codes import normalise
from detectors.plan import Plan
from service.domain import AttributeValue
from service.store.predictions import Rows
from service.worker.cells import AGE_BAND, SITE, Column, age_bands

AGE = "PatientAge"


def batch_of(plan: Plan, rows: Rows) -> Batch:
    """Take scores, labels, features and embedding from these rows. A number where a category is expected, or the reverse, is missing."""
    return Batch(
        scores=rows.logits,
        labels=rows.labels,
        numeric={name: _numbers(name, rows) for name in plan.numeric},
        categorical={name: _texts(name, rows.attributes) for name in plan.categorical},
        embedding=rows.embedding,
        weights=rows.weights,
        delays=rows.delays,
        pairs=rows.pairs,
        patients=rows.patients,
        flags=_flags(plan, rows),
    )


def joined(batches: Sequence[Batch]) -> Batch:
    """Put batches of one plan below each other; an embedding that some of them lack is missing there."""
    width = max((batch.embedding.shape[1] for batch in batches), default=0)
    first = batches[0]
    return Batch(
        scores=np.concatenate([batch.scores for batch in batches]),
        labels=np.concatenate([batch.labels for batch in batches]),
        numeric={name: np.concatenate([batch.numeric[name] for batch in batches]) for name in first.numeric},
        categorical={name: np.concatenate([batch.categorical[name] for batch in batches]) for name in first.categorical},
        embedding=np.concatenate([_widened(batch.embedding, width) for batch in batches]),
        weights=np.concatenate([np.ones(batch.labels.shape) if batch.weights is None else batch.weights for batch in batches]),
        delays=np.concatenate([np.full(batch.labels.shape, np.nan) if batch.delays is None else batch.delays for batch in batches]),
        pairs=np.concatenate([np.zeros((*batch.labels.shape, 3), np.int64) if batch.pairs is None else batch.pairs for batch in batches]),
        patients=np.concatenate([np.full(len(batch), -1) if batch.patients is None else batch.patients for batch in batches]),
        flags=None if first.flags is None else np.concatenate([batch.flags for batch in batches if batch.flags is not None]),
    )


def _flags(plan: Plan, rows: Rows) -> NDArray[np.bool_] | None:
    """Which films carry which flag [n, flags]."""
    if not plan.flags:
        return None
    return np.array([[flag in said for flag in plan.flags] for said in map(frozenset, rows.flags)], dtype=bool).reshape(-1, len(plan.flags))


def subgroups_of(names: Sequence[str], rows: Rows) -> Mapping[str, Column]:
    """Return the value of each declared subgroup for each row, in one spelling."""
    return {name: _subgroup(name, rows) for name in names}


def _subgroup(name: str, rows: Rows) -> Column:
    if name == SITE:
        return np.array(rows.sites, dtype=object)
    if name == AGE_BAND:
        return age_bands(_numbers(AGE, rows))
    texts = _texts(name, rows.attributes)
    spelled = {text: normalise(name, text) for text in dict.fromkeys(texts)}
    return _objects([spelled[text] for text in texts])


def _numbers(name: str, rows: Rows) -> NDArray[np.float64]:
    source = rows.attributes if name[:1].isupper() else rows.statistics
    values = (row.get(name) for row in source)
    return np.fromiter((value if isinstance(value, (int, float)) else np.nan for value in values), dtype=np.float64, count=len(source))


def _texts(name: str, attributes: Sequence[Mapping[str, AttributeValue]]) -> Column:
    values = (row.get(name) for row in attributes)
    return _objects([value if isinstance(value, str) else None for value in values])


def _objects(values: Sequence[Any]) -> Column:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _widened(embedding: NDArray[np.floating[Any]], width: int) -> NDArray[np.floating[Any]]:
    return embedding if embedding.shape[1] == width else np.full((len(embedding), width), np.nan, dtype=np.float32)
