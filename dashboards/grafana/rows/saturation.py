"""How near the service is to what it can bear: work, processors, memory, files, disk."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import PODS

TITLE = "Saturation"

OURS = f'job=~".*stepwedge.*",{PODS}'
"""Every program exports its processor time and memory: only ours are asked for. Jobs carry the name in the examples and in the chart."""


def row() -> list[timeseries.Panel]:
    return [*_load(), *_spool(), *_inbox()]


def _load() -> list[timeseries.Panel]:
    batch = f"sum(rate(stepwedge_batch_size_{{}}{{{{{PODS}}}}}[$__rate_interval]))"
    return [
        lines(
            "Load",
            "Requests in work at once, and films that one pass of the model answers together. Work that grows with batches full: add a replica.",
            [
                Query(f"sum(stepwedge_requests_in_progress{{{PODS}}})", "in work"),
                Query(f"{batch.format('sum')} / ({batch.format('count')} > 0)", "films a batch"),
            ],
            unit="short",
            width=6,
            ends=(0, None),
        ),
        lines(
            "Processor",
            "Cores in use, by process. A gateway at its own limit while time in predict grows: add a replica.",
            [Query(f"rate(process_cpu_seconds_total{{{OURS}}}[$__rate_interval])", "{{instance}}")],
            unit="short",
            width=6,
            ends=(0, None),
        ),
        lines(
            "Memory",
            "Resident memory, by process. It settles after the first hour; one that climbs for days is a defect: keep the log, then restart in place.",
            [Query(f"process_resident_memory_bytes{{{OURS}}}", "{{instance}}")],
            unit="bytes",
            width=6,
            ends=(0, None),
        ),
        lines(
            "Open files, share of what is allowed",
            "Sockets count as files. Near 1 nobody can connect any more: raise the limit, and ask who keeps so many connections open.",
            [Query(f"process_open_fds{{{OURS}}} / process_max_fds{{{OURS}}}", "{{instance}}")],
            unit="percentunit",
            width=6,
            ends=(0, None),
        ),
    ]


def _spool() -> list[timeseries.Panel]:
    return [
        lines(
            "Spool, share that is full",
            "While Postgres is away answers lie on the gateway's disk. A page at one half; when it is full, studies get no answer.",
            [
                Query(
                    f"max by (instance) (stepwedge_spool_bytes{{{PODS}}}) / max by (instance) (stepwedge_spool_limit_bytes{{{PODS}}})",
                    "{{instance}}",
                )
            ],
            unit="percentunit",
            width=8,
            limit=0.5,
            ends=(0, None),
            alert="StepwedgeSpoolFilling",
        ),
        lines(
            "Spool, age of the oldest record",
            "Seconds since the oldest answer that Postgres has not taken yet. A ticket after 15 minutes.",
            [Query(f"max by (instance) (stepwedge_spool_oldest_age_seconds{{{PODS}}})", "{{instance}}")],
            unit="s",
            width=8,
            limit=900,
            ends=(0, None),
            alert="StepwedgeSpoolWaiting",
        ),
        lines(
            "Spool, records that wait and what became of the others",
            "stored: a new row. known: had its row. duplicate, conflict: came second. rejected: kept in spool/aside for a person.",
            [
                Query(f"sum(stepwedge_spool_records{{{PODS}}})", "waiting"),
                Query(f"sum by (outcome) (increase(stepwedge_spool_drained_total{{{PODS}}}[1h]))", "{{outcome}}, in an hour"),
                Query(f"sum(increase(stepwedge_spool_damaged_bytes_total{{{PODS}}}[1h]))", "damaged bytes, in an hour"),
                Query(f"max(stepwedge_database_away{{{PODS}}})", "Postgres is away"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeSpoolLoss",
        ),
    ]


def _inbox() -> list[timeseries.Panel]:
    return [
        lines(
            "Inbox: studies taken in and not answered yet",
            "What a PACS forwarded, or what was sent to be answered later. A burst is worked off; minutes that only grow are a fault.",
            [
                Query(f"sum(stepwedge_inbox_requests{{{PODS}}})", "waiting"),
                Query(f"max(stepwedge_inbox_oldest_seconds{{{PODS}}}) / 60", "minutes that the oldest has waited"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeInboxWaiting",
        ),
        lines(
            "Inbox: how full",
            "What waits, as a share of what may wait on the gateway that has least room. At 1 senders are told to come again later.",
            [Query(f"max(stepwedge_inbox_bytes{{{PODS}}} / stepwedge_inbox_limit_bytes{{{PODS}}})", "share")],
            unit="percentunit",
            width=8,
            limit=0.8,
            ends=(0, 1),
            alert="StepwedgeInboxWaiting",
        ),
        lines(
            "Inbox: given up",
            "Instances that were taken in and got no answer after all tries, in an hour. Nobody but us knows: have them sent again.",
            [Query(f"sum by (reason) (increase(stepwedge_inbox_given_up_total{{{PODS}}}[1h]))", "{{reason}}")],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeInboxGivenUp",
        ),
    ]
