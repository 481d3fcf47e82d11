"""A visit: a browser without a script, that keeps its cookies and sends the forms that pages hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from service.access import Role
from service.config import Settings
from tests.api.serving import until
from tests.callers import issue

TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


class Visit:
    """Looks at pages and sends forms like a person who has switched scripts off."""

    def __init__(self, browser: httpx.Client) -> None:
        self.browser = browser

    def get(self, path: str) -> httpx.Response:
        return self.browser.get(path)

    def page(self, path: str) -> str:
        reply = self.browser.get(path)
        assert reply.status_code == 200, (path, reply.status_code, reply.text[:2000])
        return reply.text

    def send(self, path: str, on: str = "/console/login", **fields: str) -> httpx.Response:
        """Send a form with the token of the page `on`."""
        token = TOKEN.search(self.page(on))
        assert token
        return self.browser.post(path, data={"token": token[1], **fields})

    def log_in(self, key: str, back: str = "") -> httpx.Response:
        return self.send("/console/login", key=key, back=back)


@contextmanager
def visiting(address: str) -> Iterator[Visit]:
    """A visit that begins without a cookie."""
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as browser:
        yield Visit(browser)


def key_of(url: str, name: str, *roles: str) -> str:
    """The text of a new key."""
    return issue(url, name, [Role(role) for role in roles])["Authorization"].removeprefix("Bearer ")


def enter(visit: Visit, settings: Settings, name: str, *roles: str) -> None:
    """Log in with a new key, once the gateway knows it."""
    key = key_of(str(settings.database_url), name, *roles)
    visit.browser.cookies.clear()
    until(lambda: "failed" not in visit.log_in(key).headers["location"])
