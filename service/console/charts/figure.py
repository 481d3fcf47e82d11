"""Figure: a drawing with what makes it readable for everybody: a title, a description, and the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup

from service.console.charts.lettering import SIZE
from service.console.charts.svg import element, joined
from service.console.charts.table import Table, shown

NAMESPACE = "http://www.w3.org/2000/svg"
STYLE = Path(__file__).parents[1] / "static" / "charts.css"
FONT = "system-ui, sans-serif"
"""Without its styles a drawing is plain, but no text lies upon another."""
ROWS_SHOWN = 60
"""Rows of the table beside a drawing; the file has all."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One drawing.

    name: its own on a page: letters, digits and hyphens; also the name of its files.
    description: what is to be seen, in a sentence or two. note: stands below it, for everybody.
    """

    name: str
    title: str
    description: str
    width: float
    height: float
    body: Markup
    table: Table
    note: str = ""

    def svg(self) -> Markup:
        """The drawing as part of a page."""
        return self._drawn(None, Markup(""))

    def standalone(self) -> str:
        """The drawing as a file of its own, with its styles."""
        return self._drawn(NAMESPACE, element("style", stylesheet()))

    def shown(self, downloads: tuple[tuple[str, str], ...] = ()) -> Markup:
        """The drawing with its title, its note, links (name, address) and its table."""
        links = joined(*(joined(" ", element("a", name, href=address, download="")) for name, address in downloads))
        saved = element("span", links, class_="downloads") if downloads else Markup("")
        note = element("p", self.note, class_="note") if self.note else Markup("")
        caption = element("figcaption", element("span", self.title, class_="chart-title"), saved)
        return element("figure", caption, self.svg(), note, self._numbers(), class_="chart", id=self.name)

    def _drawn(self, namespace: str | None, style: Markup) -> Markup:
        title, description = f"{self.name}-title", f"{self.name}-desc"
        named = element("title", self.title, id=title), element("desc", self.description, id=description)
        return element(
            "svg",
            *named,
            style,
            self.body,
            xmlns=namespace,
            viewBox=f"0 0 {self.width:g} {self.height:g}",
            width=f"{self.width:g}" if namespace else None,
            height=f"{self.height:g}" if namespace else None,
            role="img",
            font_size=SIZE,
            font_family=FONT,
            aria_labelledby=f"{title} {description}",
            class_="drawing" if self.width <= 400 else "drawing wide",  # noqa: PLR2004 - as wide as frame.WIDTH
        )

    def _numbers(self) -> Markup:
        rows = self.table.rows[:: max(1, -(-len(self.table.rows) // ROWS_SHOWN))]
        left = len(self.table.rows) - len(rows)
        more = element("p", f"{left:,} further rows are in the CSV.", class_="note") if left else Markup("")
        head = element("tr", *(element("th", one, scope="col") for one in self.table.columns))
        body = (element("tr", *(element("td", shown(cell)) for cell in row)) for row in rows)
        table = element("table", element("thead", head), element("tbody", *body))
        scrolled = element("div", table, class_="scrolled", tabindex="0", role="region", aria_label=f"Numbers of: {self.title}")
        return element("details", element("summary", "Numbers"), scrolled, more)


@cache
def stylesheet() -> str:
    """The styles of all drawings."""
    return STYLE.read_text(encoding="utf-8")
