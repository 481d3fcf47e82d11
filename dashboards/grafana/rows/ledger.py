"""Whether every request is accounted for, and whether the watcher keeps up."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import MODELS, PODS, once

TITLE = "Ledger and watcher"

ENDED = "stepwedge_requests_(recorded|replayed|spooled|unrecorded|refused|failed)_total|stepwedge_requests_in_progress"
UNACCOUNTED = (
    f"sum by (instance) (stepwedge_requests_received_total{{{PODS}}})"
    f' - sum by (instance) ({{__name__=~"{ENDED}",{PODS}}})'
)  # fmt: skip


def row() -> list[timeseries.Panel]:
    return [
        lines(
            "Ledger: requests without an account",
            "Received minus every kind of end and what is in work, for each gateway. Always 0, save for a blink while a scrape is read.",
            [Query(UNACCOUNTED, "{{instance}}")],
            unit="short",
            width=6,
            ends=(-1, 1),
            alert="StepwedgeLedgerImbalance",
        ),
        lines(
            "Not written down",
            "Refusals and acts of callers that no log could take, because Postgres was away too long. The answers themselves are not touched.",
            [
                Query(f"sum(increase(stepwedge_refusal_records_dropped_total{{{PODS}}}[1h]))", "refusals, in an hour"),
                Query(f"sum(increase(stepwedge_audit_entries_dropped_total{{{PODS}}}[1h]))", "audit entries, in an hour"),
            ],
            unit="short",
            width=6,
            ends=(0, None),
        ),
        lines(
            "Worker",
            "Minutes since any worker completed a pass, and passes that failed in the last hour. A page at 15 minutes.",
            [
                Query("(time() - max(stepwedge_worker_last_success_timestamp_seconds)) / 60", "minutes since the last pass"),
                Query("sum(increase(stepwedge_worker_failures_total[1h]))", "failures in an hour"),
            ],
            unit="short",
            width=6,
            ends=(0, None),
            alert="StepwedgeWorkerFailing",
        ),
        lines(
            "Worker: how far behind",
            "Hours since the last hour that is counted (1 to 2 are usual), and hours that wait, most of them opened again by late labels. "
            "One that only grows: a worker too slow or stuck.",
            [
                Query(f"max((time() - stepwedge_counted_until_timestamp_seconds{{{MODELS}}}) / 3600)", "hours behind, the worst model"),
                Query(f"sum({once('stepwedge_tallies_waiting', MODELS, 'model')})", "hours that wait, all models"),
            ],
            unit="short",
            width=6,
            ends=(0, None),
            alert="StepwedgeWorkerLag",
        ),
    ]
