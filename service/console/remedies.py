"""Remedies: what alarms ask for and nobody has brought to its end, of all models."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from service.console.page import Asked, Page, Place, href
from service.console.remedy import PATH
from service.store.models import versions_by_id
from service.store.remedies import OPEN, Remedy, remedies_in

MOST = 200
"""Lines of one page."""


@dataclass(frozen=True, slots=True)
class Line:
    """One remedy, whose it is, and where it is decided on."""

    remedy: Remedy
    model: str
    version: str
    address: str


@dataclass(frozen=True, slots=True)
class RemediesView:
    """What is open, longest waiting first. more: how many are not shown."""

    lines: tuple[Line, ...]
    more: int


def remedies(connection: Connection, _asked: Asked) -> RemediesView:
    """Every remedy in which somebody, or something, still has to act."""
    found, versions = remedies_in(connection, *OPEN), versions_by_id(connection)
    whose = [(one, versions[one.model_version or 0]) for one in found[:MOST]]
    lines = tuple(Line(one, version.model, version.version, href(PATH, remedy=one.id)) for one, version in whose)
    return RemediesView(lines, len(found) - len(lines))


REMEDIES_PAGE = Page("remedies", "Remedies", "/console/remedies", remedies, Place.TOP)
