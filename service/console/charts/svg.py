"""SVG: elements as text. What is written into them is text, never markup; what is drawn is a finite number."""

from __future__ import annotations

import re
from math import isfinite

from markupsafe import Markup, escape

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not know."""
HOLLOW = frozenset({"line", "path", "rect", "circle"})
"""Elements that hold nothing; any other is closed by name, as HTML needs it."""


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """One element. `class_` is class, `stroke_width` is stroke-width; an attribute of None is left out.

    Raises:
        ValueError: A number is not finite.

    >>> element("text", "<b>", x=1.0, class_="tick")
    Markup('<text x="1" class="tick">&lt;b&gt;</text>')
    """
    written = "".join(f' {_named(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    inner = joined(*children)
    return Markup(f"<{name}{written}/>" if name in HOLLOW and not inner else f"<{name}{written}>{inner}</{name}>")  # noqa: S704 - all parts were escaped


def joined(*parts: str) -> Markup:
    """Elements and texts one after the other."""
    return Markup("".join(part if isinstance(part, Markup) else escape(plain(part)) for part in parts))  # noqa: S704 - all parts were escaped


def plain(text: str) -> str:
    """Text without characters that no XML document may hold."""
    return FORBIDDEN.sub("\ufffd", text)


def number(value: float) -> str:
    """A coordinate, to a hundredth.

    >>> number(3.0), number(1 / 3), number(-0.001)
    ('3', '0.33', '0')
    """
    if not isfinite(value):
        raise ValueError("only finite numbers can be drawn")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def path(points: list[tuple[float, float]], *, closed: bool = False) -> str:
    """What a path says of a line through points."""
    steps = " ".join(f"{'L' if at else 'M'}{number(x)} {number(y)}" for at, (x, y) in enumerate(points))
    return f"{steps} Z" if closed else steps


def _named(key: str) -> str:
    return key.rstrip("_").replace("_", "-") if key != "viewBox" else key


def _value(value: str | float) -> str:
    return escape(plain(value)) if isinstance(value, str) else number(value)
