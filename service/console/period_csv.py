"""A period as a table, one number a row: for whoever compares sites and months (in the manner of the registry ACR Assess-AI)."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.hidden import hidden_in
from detectors.schema import NEGATIVE, POSITIVE
from service.console.charts.table import Cell, Table
from service.console.period import Period
from service.worker.stretch import Stretch

COLUMNS = (
    "model",
    "version",
    "artifact_sha256",
    "first_day",
    "last_day",
    "finding",
    "subgroup",
    "measure",
    "value",
    "low",
    "high",
    "n",
    "limit",
    "verdict",
    "reason",
)
COUNTS = (
    ("true_negatives", NEGATIVE, 0),
    ("false_positives", NEGATIVE, 1),
    ("false_negatives", POSITIVE, 0),
    ("true_positives", POSITIVE, 1),
)
Row = tuple[Cell, ...]


def table_of(period: Period) -> Table:
    """Counts first, then every measurement with its interval, n, limit and verdict."""
    head = (period.version.model, period.version.version, period.version.artifact_sha256, period.first, period.last)
    return Table(COLUMNS, tuple((*head, *row) for row in (*_volume(period), *_counts(period.labelled), *_measured(period))))


def _count(measure: str, n: int, finding: str = "", cell: str = "all", reason: str = "") -> Row:
    return (finding, cell, measure, n, None, None, n, None, "", reason)


def _volume(period: Period) -> Iterator[Row]:
    yield _count("answered", period.answered)
    for (outcome, reason), n in period.unanswered.items():
        yield _count(outcome, n, reason=reason)
    yield _count("alarms_opened", len(period.opened))
    yield ("", "all", "alarms_allowed_by_budget", period.allowed, None, None, None, None, "", "")


def _counts(labelled: Stretch | None) -> Iterator[Row]:
    """Films with a label of weight one, by truth and by the model's decision. Films that nobody read are not among them."""
    if labelled is None:
        return
    reference = labelled.subject.reference
    hidden = hidden_in(labelled.window, reference.plan.cells)
    for finding in reference.schema.findings:
        for cell in reference.cells:
            if cell not in hidden:
                decisions = labelled.tally(cell).decisions(finding)
                yield _count("films", labelled.tally(cell).n, finding, cell)
                yield from (_count(name, int(decisions[truth, flagged]), finding, cell) for name, truth, flagged in COUNTS)


def _measured(period: Period) -> Iterator[Row]:
    for one in (*(line.drift for line in period.inputs), *period.readings):
        low, high = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
        measure = f"{one.name}:{one.feature}" if one.feature else one.name
        yield (one.finding, one.cell, measure, one.value, low, high, one.n, one.limit, one.verdict.value, one.reason)
