"""Subgroups: for whom the model is worse, how surely, and of whom nothing can be said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from detectors.suppression import FEWEST
from service.api.subgroups import AttributeReply, GapReply, SubgroupReply, compared
from service.console.charts.figure import Figure
from service.console.charts.forest import Row, forest
from service.console.chosen import Chosen, chosen
from service.console.once import once_a_pass
from service.console.page import Asked, Page, Place
from service.console.wording import cell as spoken

NAME = "subgroups"
TITLES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "positive_predictive_value": "Positive predictive value",
    "negative_predictive_value": "Negative predictive value",
    "underdiagnosis": "Underdiagnosis",
}
NOTES = {"underdiagnosis": "Of films with any finding, the share on which nothing was flagged. Less is better."}
REAL = 0.05
"""Adjusted p up to which a gap is told from chance."""


@dataclass(frozen=True, slots=True)
class SubgroupsView:
    """A forest for each rate, the same as a table, and how many films are in no subgroup. hidden: how many subgroups are."""

    chosen: Chosen
    reason: str
    since: datetime | None
    until: datetime | None
    figures: tuple[Figure, ...]
    real: tuple[tuple[str, str, GapReply], ...]
    subgroups: tuple[SubgroupReply, ...]
    attributes: tuple[AttributeReply, ...]
    hidden: int


@once_a_pass
def subgroups(connection: Connection, asked: Asked) -> SubgroupsView:
    """Every declared subgroup and pair against everybody else, in the window."""
    choice = chosen(connection, asked, NAME)
    reply = compared(connection, choice.version.model, choice.asked)
    figures = () if reply.reason else tuple(forest_of(rate, choice.finding, reply.subgroups) for rate in TITLES)
    gaps = [(spoken(one.subgroup), gap) for one in reply.subgroups for gap in one.rates if is_real(gap)]
    return SubgroupsView(
        choice,
        reply.reason,
        reply.since,
        reply.until,
        figures if reply.subgroups else (),
        tuple((cell, TITLES[gap.rate], gap) for cell, gap in sorted(gaps, key=lambda pair: pair[1].p or 0.0)),
        tuple(reply.subgroups),
        tuple(reply.attributes),
        sum(one.hidden for one in reply.subgroups),
    )


def is_real(gap: GapReply) -> bool:
    """Whether a gap is told from chance, all gaps of the table considered."""
    return gap.p is not None and gap.p <= REAL


def forest_of(rate: str, finding: str, found: list[SubgroupReply]) -> Figure:
    """One rate in all subgroups."""
    rows = [_row(one, next((gap for gap in one.rates if gap.rate == rate), None)) for one in found]
    smallest = [row.detectable for row in rows if row.detectable is not None]
    seen = f" Smallest gap that would be seen in four of five such windows: {min(smallest):.2f} to {max(smallest):.2f}." if smallest else ""
    title = TITLES[rate] if rate == "underdiagnosis" else f"{TITLES[rate]} for {finding}"
    return forest(rate.replace("_", "-"), title, rows, None, f"{NOTES.get(rate, '')}{seen}".strip())


def _row(one: SubgroupReply, gap: GapReply | None) -> Row:
    label = spoken(one.subgroup)
    if one.hidden or gap is None:
        return Row(label, note=f"hidden: fewer than {FEWEST} patients, or they could be reckoned from it" if one.hidden else "insufficient")
    return Row(
        label,
        gap.n,
        gap.value,
        gap.low,
        gap.high,
        gap.gap,
        gap.gap_low,
        gap.gap_high,
        is_real(gap),
        gap.detectable_gap,
        f"insufficient: {gap.reason}" if gap.reason else "",
    )


SUBGROUPS_PAGE = Page("subgroups", "Subgroups", "/console/models/{model}/subgroups", subgroups, Place.MODEL, refresh_s=None)
