"""Every page, in the order of the navigation."""

from __future__ import annotations

from service.console.fleet import FLEET_PAGE
from service.console.login import LOGIN_PAGE
from service.console.page import Page

PAGES: tuple[Page, ...] = (
    FLEET_PAGE,
    LOGIN_PAGE,
)
