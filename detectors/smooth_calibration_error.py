"""Smooth calibration error: how far probabilities lie from frequencies, without bins to choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.intervals import Z
from detectors.masses import Masses, masses_of
from detectors.measurement import Measurement
from detectors.placed import placed, spread_out
from detectors.reference import REFERENCES_HELD, Reference
from detectors.schema import score_centers
from detectors.tally import Tally

NAME = "smooth_calibration_error"
EVENTS_NEEDED = 50
"""Positives and negatives, each."""
TOO_FEW = f"{EVENTS_NEEDED} positives and {EVENTS_NEEDED} negatives needed, in the window and in the reference"
MINIMUM_RISE = 0.02
POINTS = 256
"""Of the grid on which probabilities are smoothed; widths below one of its cells are not told apart."""
NARROWEST, WIDEST = 1 / POINTS, 1.0
HALVINGS = 7
FOLLOWS = 2 / 3
"""The error is the width at which it equals the width; as it falls with the root of the width, it follows a disturbance by this share."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Error:
    """Smooth calibration error, and what a perfectly calibrated model would show at the same n: mean and standard deviation [rows]."""

    value: Floats
    chance: Floats
    chance_deviation: Floats


def smooth_calibration_error(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the smooth calibration error (smECE) for every finding and cell, over all films; only a rise breaches.

    Residuals y - p are smoothed over p by a Gaussian of width s, reflected at 0 and 1, and the mean absolute value is taken; the error is
    that of the one width to which it is equal. A perfect model does not show 0: with v(p) the variance of the smoothed residuals it shows
    about sqrt(2 v / pi), which is told here without simulation. The limit is the upper end of this null band at the window's n, plus what
    the reference showed beyond its own, plus 0.02. No interval: the estimator is biased by that null, so read the value against the limit.

    Returns:
        One measurement a finding and cell; `insufficient` below 50 positives or negatives. n: labels.

    Source:
        Blasiok and Nakkiran 2023, arXiv 2309.12236.
    """
    now, then = masses_of(reference.schema, window, reference.schema.findings, reference.cells), _usual(reference)
    rows = np.flatnonzero(np.minimum(now.events, then.events).min(axis=1) >= EVENTS_NEEDED)
    phi = np.array([reference.dispersion_of("calibration", cell=cell, finding=finding) for finding, cell in now.places])
    found = smooth_error(now.negatives[rows], now.positives[rows], now.scale[rows], phi[rows])
    known = _usual_errors(reference)
    limits = found.chance + Z * found.chance_deviation + np.maximum(known.value - known.chance, 0.0)[rows] + MINIMUM_RISE
    value, limit = (spread_out(one, rows, len(now.places)) for one in (found.value, limits))
    nothing = np.full(len(now.places), np.nan)
    return placed(
        NAME,
        now.places,
        now.labels,
        [(why or TOO_FEW) if few else "" for why, few in zip(now.reasons, np.isnan(value).tolist(), strict=True)],
        value=value,
        interval=(nothing, nothing),
        limit=limit,
        breached=value > limit,
    )


def smooth_error(negatives: Floats, positives: Floats, scale: Floats | float = 1.0, dispersion: Floats | float = 1.0) -> Error:
    """Smooth calibration error from films by score [rows, score bins]; scale: films that one label stands for in each bin.

    >>> films = 400 * np.exp(-(score_centers()**2) / 8)[None]
    >>> right, moved = (smooth_error(films * (1 - p), films * p) for p in (expit(score_centers()), expit(score_centers() + 0.5)))
    >>> round(float(right.value[0]), 4), round(float(moved.value[0]), 3), round(float(moved.chance[0]), 4)
    (0.0, 0.075, 0.0075)
    """
    p = expit(score_centers())
    total = negatives + positives
    n = np.maximum(total.sum(axis=-1, keepdims=True), 1e-12)
    residual, spread = _on_grid((positives - total * p) / n), _on_grid(total * scale * p * (1 - p) / n**2)
    spread *= np.broadcast_to(np.asarray(dispersion, dtype=np.float64).reshape(-1, 1), (len(spread), 1))
    waves, spread_waves = _waves(residual), _waves(spread)

    def error(width: Floats) -> Floats:
        return np.asarray(np.abs(_smoothed(waves, width)).mean(axis=-1))

    def chance(width: Floats) -> Floats:
        return np.asarray(np.sqrt(2 / pi * _variance(spread, spread_waves, width)).mean(axis=-1))

    value, expected = _balance(error, len(residual)), _balance(chance, len(residual))
    width = np.maximum(expected, NARROWEST)
    noise = np.sqrt(width * sqrt(2 / pi) * _variance(spread, spread_waves, width).mean(axis=-1))
    return Error(value, expected, FOLLOWS * noise)


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Masses:
    return masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells)


@lru_cache(maxsize=REFERENCES_HELD)
def _usual_errors(reference: Reference) -> Error:
    then = _usual(reference)
    phi = np.array([reference.dispersion_of("calibration", cell=cell, finding=finding) for finding, cell in then.places])
    return smooth_error(then.negatives, then.positives, then.scale, phi)


def _on_grid(mass: Floats) -> Floats:
    """Share out what lies at each score bin's probability between the two grid points beside it [rows, POINTS]."""
    low, share = _grid_places()
    starts = np.flatnonzero(np.diff(low, prepend=-1))
    found = np.zeros((len(mass), POINTS + 1))
    found[:, low[starts]] = np.add.reduceat(mass * (1 - share), starts, axis=-1)
    found[:, low[starts] + 1] += np.add.reduceat(mass * share, starts, axis=-1)
    return found[:, :POINTS]


@lru_cache(maxsize=1)
def _grid_places() -> tuple[NDArray[np.int64], Floats]:
    place = np.clip(expit(score_centers()) * POINTS - 0.5, 0.0, POINTS - 1.0 - 1e-9)
    low = np.floor(place).astype(np.int64)
    return low, place - low


def _waves(mass: Floats) -> Floats:
    from scipy.fft import dct  # noqa: PLC0415 - a gateway, which imports this file too, never needs it

    return np.asarray(dct(mass * POINTS, axis=-1))


def _smoothed(waves: Floats, width: Floats) -> Floats:
    """Density after a reflected Gaussian of this width [rows, POINTS]: in cosines, each is damped by exp(-(pi k s)^2 / 2)."""
    from scipy.fft import idct  # noqa: PLC0415 - as above

    damping = np.exp(-((pi * np.arange(POINTS) * width[:, None]) ** 2) / 2)
    return np.asarray(idct(waves * damping, axis=-1))


def _variance(spread: Floats, waves: Floats, width: Floats) -> Floats:
    """Variance of smoothed residuals: each film adds its own, times the square of the kernel, its reflections at 0 and 1 included."""
    squares = np.maximum(_smoothed(waves, width / sqrt(2)), 0.0) / (2 * width[:, None] * sqrt(pi))
    at = (np.arange(POINTS) + 0.5) / POINTS
    for distance in (at, 1 - at):
        near = np.exp(-((distance / width[:, None]) ** 2))
        squares += near * (spread * near).sum(axis=-1, keepdims=True) / (pi * width[:, None] ** 2)
    return np.asarray(squares)


def _balance(error: Callable[[Floats], Floats], rows: int) -> Floats:
    """The width that its own error equals [rows]; the error at the narrowest where that is less. It falls as the width grows."""
    low, high = np.full(rows, NARROWEST), np.full(rows, WIDEST)
    at_low, at_high = error(low), error(high)
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        found = error(middle)
        above = found > middle
        low, at_low = np.where(above, middle, low), np.where(above, found, at_low)
        high, at_high = np.where(above, high, middle), np.where(above, at_high, found)
    gap_low, gap_high = at_low - low, high - at_high
    share = np.divide(gap_low, gap_low + gap_high, out=np.zeros(rows), where=gap_low + gap_high > 0)
    return np.where(gap_low <= 0, at_low, low + np.clip(share, 0.0, 1.0) * (high - low))
