"""Placed: one number of every finding in every cell, in columns, as a model with twenty subgroups is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Verdict
from detectors.readings import VERDICTS, Readings

Floats = NDArray[np.float64]

WITHIN, BREACHED, INSUFFICIENT = (VERDICTS.index(one) for one in (Verdict.WITHIN, Verdict.BREACHED, Verdict.INSUFFICIENT))


def placed(
    name: str,
    places: Sequence[tuple[str, str]],
    n: NDArray[np.int64],
    reasons: Sequence[str],
    *,
    value: Floats,
    interval: tuple[Floats, Floats],
    limit: Floats,
    breached: NDArray[np.bool_],
) -> Readings:
    """Put one measurement of each place into columns; NaN where there is no number.

    Args:
        name: Of the measurement.
        places: Finding and cell of each.
        n: Observations behind each.
        reasons: Why there is no verdict; empty where there is one.
        value: What was found.
        interval: Its lower and upper ends.
        limit: Beyond which it is breached.
        breached: Whether it is, where there is a verdict.
    """
    said = np.array([not why for why in reasons], dtype=bool)
    return Readings.columns(
        name,
        reasons,
        [cell for _, cell in places],
        [finding for finding, _ in places],
        [""] * len(places),
        value=value,
        low=interval[0],
        high=interval[1],
        limit=np.where(said, limit, np.nan),
        n=n,
        verdict=np.where(said, np.where(breached, BREACHED, WITHIN), INSUFFICIENT).astype(np.int8),
    )


def spread_out(found: Floats, rows: NDArray[np.int64], places: int) -> Floats:
    """Put what was found of some places where they lie among all; NaN for the others.

    >>> spread_out(np.array([0.5]), np.array([2]), 3).tolist()
    [nan, nan, 0.5]
    """
    everywhere = np.full(places, np.nan)
    everywhere[rows] = found
    return everywhere
