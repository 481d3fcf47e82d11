"""A page: where it is, what it is called, and what it asks the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from sqlalchemy import Connection

from service.access import Role
from service.api.state import Service
from service.console.visitor import Visitor
from service.errors import InvalidRequestError


class Place(StrEnum):
    """Where a page is linked: at the top of every page, at the top of the pages of its model, or only where something leads to it."""

    TOP = "top"
    MODEL = "model"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page: who looks, when, and what the address says."""

    service: Service
    visitor: Visitor
    now: datetime
    path: Mapping[str, str]
    query: Mapping[str, str]

    @property
    def model(self) -> str:
        """The model whose page it is."""
        return self.path["model"]

    def whole(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number of the query.

        Raises:
            InvalidRequestError: It is none, or out of bounds.
        """
        text = self.query.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(highest)) and lowest <= int(text) <= highest):
            raise InvalidRequestError(f"In the address, {name} must be a whole number from {lowest} to {highest}.")
        return int(text)

    def word(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """One of a few words of the query.

        Raises:
            InvalidRequestError: It is none of them.
        """
        text = self.query.get(name, "") or default
        if text not in allowed:
            raise InvalidRequestError(f"In the address, {name} must be one of: {', '.join(one for one in allowed if one)}.")
        return text

    def text(self, name: str, most: int = 200) -> str:
        """Free text of the query; empty where it says nothing.

        Raises:
            InvalidRequestError: It is too long.
        """
        text = self.query.get(name, "").strip()
        if len(text) > most:
            raise InvalidRequestError(f"In the address, {name} may have {most} characters at most.")
        return text


View = Callable[[Connection, Asked], object]
"""Asks the store for all that a page shows; gives a frozen dataclass, the template's `view`. Runs in a thread of the database."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    name: of its template, without `.html`.
    path: below the root; `{model}` and the like are given to the view as `Asked.path`.
    role: what a visitor must have; None: everybody may look.
    refresh_s: how often a page that is looked at renews itself; None: not at all.
    """

    name: str
    title: str
    path: str
    view: View
    place: Place
    role: Role | None = Role.READ
    refresh_s: int | None = 30


def href(path: str, **values: object) -> str:
    """The address of a page, with the values of its path filled in and escaped."""
    return path.format(**{name: quote(str(value), safe="") for name, value in values.items()})
