"""Marks: the few shapes that charts share. Each says by its shape what its colour says, too."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from service.console.charts.svg import element, path

Point = tuple[float, float]


def line(points: Sequence[Point], class_: str) -> Markup:
    """A line through points; nothing for fewer than two."""
    return element("path", d=path(list(points)), class_=class_) if len(points) > 1 else Markup("")


def band(upper: Sequence[Point], lower: Sequence[Point], class_: str = "band") -> Markup:
    """The field between two lines."""
    return element("path", d=path([*upper, *reversed(lower)], closed=True), class_=class_) if len(upper) > 1 else Markup("")


def dot(x: float, y: float, told: str, class_: str = "dot") -> Markup:
    """A round mark: within its limit, or without one."""
    return element("circle", element("title", told), cx=x, cy=y, r=3, class_=class_)


def block(x: float, y: float, told: str, class_: str = "dot breached") -> Markup:
    """A square mark: beyond its limit."""
    return element("rect", element("title", told), x=x - 4, y=y - 4, width=8, height=8, class_=class_)


def diamond(x: float, y: float, told: str, class_: str = "diamond") -> Markup:
    """A standing square: where the model operates, or a deployment."""
    corners = [(x, y - 5.5), (x + 5.5, y), (x, y + 5.5), (x - 5.5, y)]
    return element("path", element("title", told), d=path(corners, closed=True), class_=class_)


def triangle(x: float, y: float, told: str, class_: str = "triangle") -> Markup:
    """A triangle on its base: an alarm."""
    corners = [(x, y - 5.5), (x + 5, y + 4), (x - 5, y + 4)]
    return element("path", element("title", told), d=path(corners, closed=True), class_=class_)


def whisker(x: float, low: float, high: float, class_: str = "whisker") -> Markup:
    """An upright interval."""
    return element(
        "path",
        d=f"{path([(x, low), (x, high)])} {path([(x - 3, low), (x + 3, low)])} {path([(x - 3, high), (x + 3, high)])}",
        class_=class_,
    )


def level(low: float, high: float, y: float, class_: str = "whisker") -> Markup:
    """An interval that lies: from low to high at y."""
    return element(
        "path",
        d=f"{path([(low, y), (high, y)])} {path([(low, y - 3), (low, y + 3)])} {path([(high, y - 3), (high, y + 3)])}",
        class_=class_,
    )
