"""Scale: where a number lies in a drawing, and at which round numbers an axis is marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

STEPS = (1.0, 2.0, 5.0, 10.0)
MOST = 1e15
"""Numbers beyond are drawn at the edge."""
NARROWEST, NARROWEST_SHARE = 1e-12, 1e-9
"""A range narrower than this, or than this share of its numbers, is a single number."""
LONGEST, FINEST = 1e7, 6
"""Numbers from here on, and steps of more decimals than this, are written with a power of ten."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from [low, high] to [start, stop] of the drawing. What lies outside is drawn at the edge.

    >>> Scale(0, 10, 40, 140).at(2.5), Scale(0, 10, 100, 0).at(99)
    (65.0, 0.0)
    """

    low: float
    high: float
    start: float
    stop: float

    def at(self, value: float) -> float:
        """Raises ValueError for what is no number."""
        if value != value:  # noqa: PLR0124 - NaN is not itself
            raise ValueError("only numbers can be drawn")
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)


@dataclass(frozen=True, slots=True)
class Tick:
    """A marked place of an axis. value: in the units of the axis."""

    value: float
    label: str


def span(values: Iterable[float | None], *, low: float | None = None, high: float | None = None) -> tuple[float, float]:
    """From the least to the greatest of the finite values, widened where they are all the same; low, high: are always inside.

    >>> span([3.0, None, 5.0], low=0.0), span([])
    ((0.0, 5.0), (0.0, 1.0))
    """
    known = [min(max(one, -MOST), MOST) for one in (*values, low, high) if one is not None and isfinite(one)]
    if not known:
        return 0.0, 1.0
    least, greatest = min(known), max(known)
    if greatest - least > max(NARROWEST, NARROWEST_SHARE * max(abs(least), abs(greatest))):
        return least, greatest
    half = max(abs(least), abs(greatest))
    half = half / 2 if half > NARROWEST else 0.5
    return least - half, greatest + half


def step_of(low: float, high: float, most: int) -> float:
    """Smallest of 1, 2, 5 times a power of ten that marks [low, high] at most so often.

    >>> step_of(0, 1, 6), step_of(0, 37, 5)
    (0.2, 10.0)
    """
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** floor(log10(rough))
    return next(one * power for one in STEPS if one * power >= rough * (1 - 1e-9))


def rounded(low: float, high: float, most: int = 6) -> tuple[float, float]:
    """The range, out to the next mark on either side."""
    step = step_of(low, high, most)
    return floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step


def ticks(low: float, high: float, most: int = 6) -> tuple[Tick, ...]:
    """Marks at round numbers within [low, high].

    >>> [one.label for one in ticks(0.0, 1.0)], [one.label for one in ticks(-3.0, 1200.0, 5)]
    (['0', '0.2', '0.4', '0.6', '0.8', '1'], ['0', '500', '1,000'])
    """
    step = step_of(low, high, most)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    if first == last:
        return ticks(low, high, 2 * most)
    return tuple(Tick(place * step, written(place * step, step)) for place in range(first, last + 1))


def written(value: float, step: float) -> str:
    """A number, as exactly as a step of this size needs it."""
    digits = max(0, -floor(log10(step) + 1e-9))
    if abs(value) >= LONGEST or digits > FINEST:
        exact = floor(log10(max(abs(value), step)) + 1e-9) - floor(log10(step) + 1e-9)
        return f"{value:.{max(0, exact)}e}"
    text = f"{value:,.{digits}f}"
    trimmed = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if trimmed in {"-0", ""} else trimmed
