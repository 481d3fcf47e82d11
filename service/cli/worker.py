"""`stepwedge worker`: the side that watches."""

from __future__ import annotations

from service.cli import logs
from service.cli.leash import Leash, tie
from service.cli.setup import database, need_free, read_settings


def worker(leash: Leash = None) -> None:
    """Watch the models: tally, measure, judge, alarm, and show the results to Prometheus. Any number may run on one Postgres."""
    tie(leash)
    logs.configure()
    settings = read_settings()
    need_free(settings.host, settings.worker_port, "STEPWEDGE_WORKER_PORT")
    from service.remedies.act import act_until  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it
    from service.remedies.recompare import recompare_until  # noqa: PLC0415 - likewise
    from service.review.watch import review_until  # noqa: PLC0415 - likewise
    from service.worker import schedule  # noqa: PLC0415 - likewise

    with database(settings) as url:
        reviews = {"reviews": review_until} if settings.review_alarms else {}
        schedule.run(settings, url, {"remedies": act_until, "comparisons": recompare_until, **reviews})
