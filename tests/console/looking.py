"""Looking at pages with a real browser: Debian's Chromium, driven by Playwright, in each of the views that a person may have of a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import httpx
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from service.console.visitor import SESSION_COOKIE
from tests.console.visits import Visit

TALL: Final = 900
"""CSS pixels of the window's height."""


@dataclass(frozen=True, slots=True)
class Look:
    """One view of a page: what the viewer's system prefers, and how wide the window is in CSS pixels."""

    theme: Literal["light", "dark"]
    width: int

    def __str__(self) -> str:
        return f"{self.theme}-{self.width}"


LOOKS: Final = (Look("light", 1280), Look("light", 390), Look("dark", 1280), Look("dark", 390))


@contextmanager
def browsing(program: Path) -> Iterator[Browser]:
    """A browser until the block ends; nothing of it outlives that."""
    with sync_playwright() as driver:
        # No sandbox: containers have none, and every page is our own.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, address: str, look: Look, *, scripts: bool = True, session: str | None = None) -> Iterator[BrowserContext]:
    """A window on a service at this address; without a cookie, unless it is given that of a session."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": look.width, "height": TALL},
        color_scheme=look.theme,
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    if session is not None:
        context.add_cookies([{"name": SESSION_COOKIE, "value": session, "url": address}])
    try:
        yield context
    finally:
        context.close()


def session_of(address: str, key: str) -> str | None:
    """Log in with a key: the cookie of the session; None where the key opens nothing."""
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        Visit(client).log_in(key)
        return client.cookies.get(SESSION_COOKIE)
