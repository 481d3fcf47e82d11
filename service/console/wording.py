"""Wording: how numbers, times and words of the statistics are written on a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from math import isfinite

from markupsafe import Markup

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EM DASH}"
MINUTE, HOUR, DAY = 60, 3600, 86_400

KINDS: Mapping[str, str] = {
    "acquisition": "how films are taken changed",
    "prevalence": "what patients have changed",
    "both": "how films are taken and what patients have changed",
    "performance": "the model is less often right",
    "calibration": "probabilities no longer mean what they say",
    "silence": "films stopped coming",
}
FAMILIES: Mapping[str, str] = {
    "acquisition": "acquisition attributes",
    "image": "image statistics",
    "score": "scores",
    "silence": "silence of a source",
    "inputs": "inputs and scores",
    "truth": "labels",
}


def moment(at: datetime | None) -> Markup:
    """A moment as the viewer's script can put it into his zone; without it, and on hover, in UTC."""
    if at is None:
        return Markup("{}").format(NOTHING)
    utc = at.astimezone(UTC)
    text = f"{utc:%Y-%m-%d %H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc.isoformat(timespec="seconds"), text, text)


def day(at: date | datetime | None) -> Markup:
    """A day of UTC, on which the service's days begin and end; no line breaks in it."""
    if at is None:
        return Markup("{}").format(NOTHING)
    text = f"{at.astimezone(UTC) if isinstance(at, datetime) else at:%Y-%m-%d}"
    return Markup('<time datetime="{}">{}</time>').format(text, text)


def span(length: timedelta | None) -> str:
    """How long, in the largest unit that fits.

    >>> span(timedelta(hours=30)), span(timedelta(seconds=50)), span(timedelta(days=3))
    ('30 h', '50 s', '3 days')
    """
    if length is None:
        return NOTHING
    seconds = max(0.0, length.total_seconds())
    for unit, name, most in ((1, "s", 2 * MINUTE), (MINUTE, "min", 2 * HOUR), (HOUR, "h", 2 * DAY)):
        if seconds < most:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / DAY:.0f} days"


def number(value: float | None, digits: int = 3) -> str:
    """A number with this many digits that count; a dash for none.

    >>> number(0.12345), number(1234.5), number(12.0)
    ('0.123', '1,234', '12.0')
    """
    if value is None or not isfinite(value):
        return NOTHING
    size = abs(value)
    whole = 10.0 ** (digits - 1)
    places = 0 if size >= whole else digits - len(str(int(size))) if size >= 1 else digits
    return f"{value:,.{places}f}".replace("-", MINUS)


def count(value: float | None) -> str:
    """A whole number with thousands apart.

    >>> count(12345)
    '12,345'
    """
    return NOTHING if value is None else f"{value:,.0f}"


def share(value: float | None) -> str:
    r"""A share as per cent; no line breaks before the sign.

    >>> share(0.1234), share(0.001), share(1.0)
    ('12\xa0%', '0.1\xa0%', '100\xa0%')
    """
    if value is None or not isfinite(value):
        return NOTHING
    per_cent = 100 * value
    digits = 1 if 0 < per_cent < 10 else 0  # noqa: PLR2004 - ten per cent: below, a whole number is too coarse
    return f"{per_cent:.{digits}f}\N{NO-BREAK SPACE}%"


def interval(low: float | None, high: float | None) -> str:
    """An interval of 95 %.

    >>> interval(0.8, 0.91)
    '0.800 to 0.910'
    """
    if low is None or high is None:
        return NOTHING
    return f"{number(low)} to {number(high)}"


def cell(name: str) -> str:
    """A subgroup in words.

    >>> cell("all"), cell("site=north"), cell("")
    ('all films', 'site = north', 'all films')
    """
    return "all films" if name in {"", "all"} else name.replace("=", " = ").replace("&", " and ")


def kind(name: str) -> str:
    """What a kind of alarm means."""
    return KINDS.get(name, name)


def family(name: str) -> str:
    """What a family of series is about."""
    return FAMILIES.get(name, name.replace("_", " "))
