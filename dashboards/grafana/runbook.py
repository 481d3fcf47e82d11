"""The runbook as a dashboard: one panel a section, so that a link from any panel works on any Grafana without another address."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, text
from grafana_foundation_sdk.models.dashboard import DashboardLinkType
from grafana_foundation_sdk.models.text import TextMode

from dashboards.grafana import uids

SOURCE = Path(__file__).parents[1] / "runbook.md"


@cache
def sections() -> dict[str, str]:
    """Text of each section of the runbook by its heading, which is the alert's name."""
    _, *parts = SOURCE.read_text(encoding="utf-8").split("\n## ")
    return {heading.strip(): body.strip() for heading, _, body in (part.partition("\n") for part in parts)}


def link_to(alert: str) -> dashboard.DashboardLink:
    """A panel's link to the section of one alert.

    Raises:
        ValueError: the runbook has no such section.
    """
    panel = list(sections()).index(alert) + 1
    return (
        dashboard.DashboardLink(f"Runbook: {alert}")
        .type(DashboardLinkType.LINK)
        .url(f"/d/{uids.RUNBOOK}?viewPanel={panel}")
        .target_blank(target_blank=True)
    )


def runbook() -> dashboard.Dashboard:
    """One text panel a section; its number is its place in the runbook, which `link_to` counts on."""
    built = (
        dashboard.Dashboard("Stepwedge: runbook")
        .uid(uids.RUNBOOK)
        .tags(["stepwedge"])
        .description("What each alert means, how sure it is, where to look first, what it usually is, and what not to do.")
        .readonly()
    )
    for number, (alert, body) in enumerate(sections().items(), start=1):
        built = built.with_panel(text.Panel().id(number).title(alert).mode(TextMode.MARKDOWN).content(body).height(12).span(12))
    return built
