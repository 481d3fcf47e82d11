"""What may be wrong with a page that a browser shows: complaints of the browser, content wider than the window, barriers that axe finds."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.console.looking import TALL, Look

GRAVE: Final = ("serious", "critical")
WATCH: Final = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => window.refused.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
RUN: Final = "axe.run({resultTypes: ['violations']})"
WIDE: Final = """
() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const over = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > width && !one.closest(".scroll"));
  return [`${document.documentElement.scrollWidth} px in ${width}`, ...over.slice(0, 3).map((one) => one.outerHTML.slice(0, 120))];
}
"""


class Watched:
    """A tab that keeps what the browser complains of."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.page.add_init_script(WATCH)
        self.complaints: list[str] = []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"{request.url}: {request.failure}"))

    def hear(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self.complaints.append(said.text)

    def visit(self, path: str) -> None:
        """Show a page, with axe beside it."""
        self.complaints.clear()
        reply = self.page.goto(path)
        assert reply is not None
        assert reply.status == 200, (path, reply.status)
        self.page.evaluate(axe().axe_script)

    def turn(self, look: Look) -> None:
        """Show the same page as somebody else has it."""
        self.page.emulate_media(color_scheme=look.theme)
        self.page.set_viewport_size({"width": look.width, "height": TALL})

    def faults(self, *, barriers_too: bool = True) -> list[str]:
        """Everything that is wrong with what the tab shows now; axe looks last, since it changes styles to measure."""
        refused: list[str] = self.page.evaluate("window.refused")
        wide: list[str] = self.page.evaluate(WIDE)
        told = [*self.complaints, *(f"refused: {one}" for one in refused), *(f"too wide: {one}" for one in wide)]
        return told + [f"axe: {one}" for one in (barriers(self.page) if barriers_too else ())]


@cache
def axe() -> Axe:
    return Axe()


def barriers(page: Page) -> list[str]:
    """Violations of WCAG 2.1 AA and of good practice that axe calls serious or critical, each with the elements that have it."""
    found: list[dict[str, Any]] = page.evaluate(RUN)["violations"]
    return [
        f"{one['id']} ({one['impact']}): {[node['html'][:160] for node in one['nodes'][:4]]} {one['nodes'][0]['failureSummary'][:240]}"
        for one in found
        if one["impact"] in GRAVE
    ]
