"""Screenshots of every page of a running service, in every look, for a critical eye: `make screenshots`."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from tests.console.addresses import addresses, held
from tests.console.looking import LOOKS, Look, browsing, session_of, window


def take(browser: Browser, service: str, pages: dict[str, str], look: Look, folder: Path, *, session: str | None) -> None:
    """One picture a page, as long as the page is."""
    with window(browser, service, look, session=session) as context:
        for name, path in pages.items():
            page = context.new_page()
            page.goto(path, wait_until="networkidle")
            page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
            page.close()


def main(service: str, folder: Path, key: str | None) -> None:
    """Write the pictures of the service at this address into the folder, as whoever has the key sees it; without one, as a guest does."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not installed on this machine; .ci/run names its package")
    today = datetime.now(UTC).date()
    with httpx.Client(base_url=service, trust_env=False, timeout=60) as client:
        try:
            pages = addresses(held(client), (today - timedelta(days=90), today))
        except KeyError as part:
            sys.exit(f"{service} holds no {part} yet, so that not every page can be looked at; the demo has one of each once it is told")
        except (httpx.HTTPError, LookupError) as error:
            sys.exit(f"{service}: {error}")
    session = session_of(service, key) if key else None
    if key and session is None:
        sys.exit("the key of STEPWEDGE_KEY opens nothing")
    folder.mkdir(parents=True, exist_ok=True)
    with browsing(Path(program)) as browser:
        for look in LOOKS:
            take(browser, service, pages, look, folder, session=session)
    sys.stdout.write(f"{len(pages) * len(LOOKS)} pictures of {service} in {folder}\n")


if __name__ == "__main__":
    main(
        os.environ.get("STEPWEDGE_URL") or f"http://127.0.0.1:{os.environ.get('STEPWEDGE_PORT', '8000')}",
        Path("screenshots"),
        os.environ.get("STEPWEDGE_KEY"),
    )
