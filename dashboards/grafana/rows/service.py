"""Whether the service answers, how fast, and whether every request is accounted for."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import GATEWAY

TITLE = "Service"

ENDS = ("recorded", "replayed", "spooled", "unrecorded", "refused", "failed")
UNACCOUNTED = (
    "sum by (instance) (stepwedge_requests_received_total)"
    ' - sum by (instance) ({__name__=~"stepwedge_requests_(recorded|replayed|spooled|unrecorded|refused|failed)_total|stepwedge_requests_in_progress"})'
)


def row() -> list[timeseries.Panel]:
    return [*_answers(), *_speed(), *_accounts(), *_spool(), *_inbox(), *_callers(), *_shadow()]


def _answers() -> list[timeseries.Panel]:
    return [
        lines(
            "Requests by outcome",
            "Each request ends as one of these. replayed: the same film came before and got the first answer.",
            [Query(f"sum(rate(stepwedge_requests_{end}_total{{{GATEWAY}}}[$__rate_interval])) * 60", end) for end in ENDS],
            unit="reqpm",
            width=8,
            stacked=True,
            ends=(0, None),
        ),
        lines(
            "Refusals by reason",
            "Refused by a rule that will refuse them again: these studies get no answer. unknown is a model name that is not in service; - is what came in a study and no model takes.",
            [
                Query(
                    'sum by (model, reason) (increase(stepwedge_requests_refused_total{model=~"$model|unknown|-"}[1h]))',
                    "{{model}} {{reason}}",
                )
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeRefusalsHigh",
        ),
        lines(
            "Failures by reason",
            "Our side failed, or the caller went away. unavailable: Postgres. busy: too many at once. internal-error: the log.",
            [Query(f"sum by (reason) (increase(stepwedge_requests_failed_total{{{GATEWAY}}}[1h]))", "{{reason}}")],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeGatewayErrors",
        ),
    ]


def _speed() -> list[timeseries.Panel]:
    quantile = "histogram_quantile({}, sum by (stage, le) (rate(stepwedge_stage_duration_seconds_bucket[$__rate_interval])))"
    batch = "rate(stepwedge_batch_size_{}[$__rate_interval])"
    return [
        lines(
            "Slowest twentieth, by stage",
            "95th percentile of the time in each stage. A ticket at 2 s. predict: processors; record: Postgres; decode: large films.",
            [Query(quantile.format(0.95), "{{stage}}")],
            unit="s",
            width=8,
            limit=2,
            ends=(0, None),
            alert="StepwedgeGatewaySlow",
        ),
        lines(
            "Typical time, by stage",
            "Median of the time in each stage.",
            [Query(quantile.format(0.5), "{{stage}}")],
            unit="s",
            width=8,
            ends=(0, None),
        ),
        lines(
            "Load",
            "Requests in work at once, and films that one pass of the model answers together. Work that grows with batches full: add a replica.",
            [
                Query("sum(stepwedge_requests_in_progress)", "in work"),
                Query(f"sum({batch.format('sum')}) / sum({batch.format('count')})", "films a batch"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
        ),
    ]


def _spool() -> list[timeseries.Panel]:
    return [
        lines(
            "Spool, share that is full",
            "While Postgres is away answers lie on the gateway's disk. A page at one half; when it is full, studies get no answer.",
            [Query("max by (instance) (stepwedge_spool_bytes) / max by (instance) (stepwedge_spool_limit_bytes)", "{{instance}}")],
            unit="percentunit",
            width=8,
            limit=0.5,
            ends=(0, None),
            alert="StepwedgeSpoolFilling",
        ),
        lines(
            "Spool, age of the oldest record",
            "Seconds since the oldest answer that Postgres has not taken yet. A ticket after 15 minutes.",
            [Query("max by (instance) (stepwedge_spool_oldest_age_seconds)", "{{instance}}")],
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
                Query("sum(stepwedge_spool_records)", "waiting"),
                Query("sum by (outcome) (increase(stepwedge_spool_drained_total[1h]))", "{{outcome}}, in an hour"),
                Query("sum(increase(stepwedge_spool_damaged_bytes_total[1h]))", "damaged bytes, in an hour"),
                Query("max(stepwedge_database_away)", "Postgres is away"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeSpoolLoss",
        ),
    ]


def _accounts() -> list[timeseries.Panel]:
    return [
        lines(
            "Ledger: requests without an account",
            "Received minus every kind of end and what is in work, for each gateway. Always 0, save for a blink while a scrape is read.",
            [Query(UNACCOUNTED, "{{instance}}")],
            unit="short",
            width=8,
            ends=(-1, 1),
            alert="StepwedgeLedgerImbalance",
        ),
        lines(
            "Worker",
            "Minutes since any worker completed a pass, passes that failed in the last hour, and refusals that could not be written down.",
            [
                Query("(time() - max(stepwedge_worker_last_success_timestamp_seconds)) / 60", "minutes since the last pass"),
                Query("sum(increase(stepwedge_worker_failures_total[1h]))", "failures in an hour"),
                Query("sum(increase(stepwedge_refusal_records_dropped_total[1h]))", "refusals not written, in an hour"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeWorkerFailing",
        ),
        lines(
            "Remedy requests on their way",
            "waiting: the receiver has not taken them yet. given up: after a day of tries; somebody has to hand them over.",
            [
                Query('max(stepwedge_outbox_pending{kind="remedy"})', "waiting"),
                Query('max(stepwedge_outbox_dead{kind="remedy"})', "given up"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeRemedyWaiting",
        ),
        lines(
            "Reports on their way to the PACS",
            "waiting: the PACS has not taken them yet. given up: refused for a day, or no longer to be made. pushed: taken in an hour.",
            [
                Query('max(stepwedge_outbox_pending{kind="report"})', "waiting"),
                Query('max(stepwedge_outbox_dead{kind="report"})', "given up"),
                Query('max(stepwedge_outbox_oldest_seconds{kind="report"}) / 60', "minutes that the oldest waits"),
                Query("sum(increase(stepwedge_reports_pushed_total[1h]))", "pushed"),
                Query("sum(increase(stepwedge_report_tries_failed_total[1h]))", "failed tries"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeReportWaiting",
        ),
    ]


def _inbox() -> list[timeseries.Panel]:
    return [
        lines(
            "Inbox: studies taken in and not answered yet",
            "What a PACS forwarded, or what was sent to be answered later. A burst is worked off; minutes that only grow are a fault.",
            [
                Query("sum(stepwedge_inbox_requests)", "waiting"),
                Query("max(stepwedge_inbox_oldest_seconds) / 60", "minutes that the oldest has waited"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeInboxWaiting",
        ),
        lines(
            "Inbox: how full",
            "What waits, as a share of what may wait on the gateway that has least room. At 1 senders are told to come again later.",
            [Query("max(stepwedge_inbox_bytes / stepwedge_inbox_limit_bytes)", "share")],
            unit="percentunit",
            width=8,
            limit=0.8,
            ends=(0, 1),
            alert="StepwedgeInboxWaiting",
        ),
        lines(
            "Inbox: given up",
            "Instances that were taken in and got no answer after all tries, in an hour. Nobody but us knows: have them sent again.",
            [Query("sum by (reason) (increase(stepwedge_inbox_given_up_total[1h]))", "{{reason}}")],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeInboxGivenUp",
        ),
    ]


def _callers() -> list[timeseries.Panel]:
    return [
        lines(
            "Callers",
            "Requests that were let in, by the name of the key and the role that they needed. One that falls silent: its key, or its network.",
            [Query("sum by (caller, role) (rate(stepwedge_caller_requests_total[$__rate_interval])) * 60", "{{caller}} {{role}}")],
            unit="reqpm",
            width=8,
            ends=(0, None),
        ),
        lines(
            "Turned away",
            "Requests without a valid key (unauthenticated) or without the role (forbidden), in an hour.",
            [Query("sum by (reason) (increase(stepwedge_requests_turned_away_total[1h]))", "{{reason}}")],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeCallersTurnedAway",
        ),
        lines(
            "Results on their way, and gaps of the audit log",
            "waiting, given up: ends of asynchronous requests. not audited: acts that the audit log lacks because Postgres was away too long.",
            [
                Query('max(stepwedge_outbox_pending{kind="result"})', "waiting"),
                Query('max(stepwedge_outbox_dead{kind="result"})', "given up"),
                Query("sum(increase(stepwedge_audit_entries_dropped_total[1h]))", "not audited"),
            ],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeResultUndelivered",
        ),
    ]


def _shadow() -> list[timeseries.Panel]:
    return [
        lines(
            "Challengers, films by what became of them",
            "Films shown to versions in the champion's shadow. shed: no room, the champion comes first. failed: the challenger died, hung or gave nonsense; no reply was touched.",
            [Query('sum by (version, outcome) (increase(stepwedge_shadow_films_total{model=~"$model"}[1h]))', "{{version}} {{outcome}}")],
            unit="short",
            width=8,
            ends=(0, None),
        ),
        lines(
            "Challengers that run",
            "0: put away for now, because it could not be loaded, died or hung.",
            [Query('min by (version, instance) (stepwedge_shadow_running{model=~"$model"})', "{{version}} {{instance}}")],
            unit="short",
            width=8,
            ends=(0, 1),
        ),
        lines(
            "Films kept for retraining",
            "Off unless a site asks for it.",
            [Query("sum by (outcome) (increase(stepwedge_kept_instances_total[1h]))", "{{outcome}}")],
            unit="short",
            width=8,
            ends=(0, None),
        ),
    ]
