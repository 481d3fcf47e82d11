"""Exposition: what is written down beforehand and what is written at the scrape make one text, in whatever form."""

from __future__ import annotations

from datetime import timedelta
from threading import Event, Thread

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from service.worker.export import MeasurementCollector
from service.worker.exposition import MOST_FORMS, Exposition
from service.worker.metrics import WorkerMetrics
from service.worker.run import run_pass
from service.worker.server import serve, worker_app
from tests.worker.conftest import WALL
from tests.worker.hospital import QUIET_DAYS, REFERENCE_DAYS, day, send_days

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Worker:
    """An exposition as the worker has it, with a clock that the test moves."""

    def __init__(self, engine) -> None:
        self.now = WALL
        registry = CollectorRegistry()
        WorkerMetrics(registry)
        self.collector = MeasurementCollector(engine, lambda: self.now, apart=True)
        registry.register(self.collector)
        self.exposition = Exposition(registry, self.collector)
        self.collector.refresh()

    def text(self, accept: str = "") -> str:
        return self.exposition.answer(accept, packed=False)[1].decode()


@pytest.fixture
def worker(settled) -> Worker:
    return Worker(settled)


def values(text: str, reader=read_text) -> dict[tuple[object, ...], float]:
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for family in reader(text)
        for one in family.samples
        if not one.name.endswith("_created")  # the moment at which this process began
    }


def test_both_forms_say_the_same_and_all_that_a_collector_of_its_own_says(worker, settled) -> None:
    whole = MeasurementCollector(settled, lambda: worker.now)
    whole.refresh()
    registry = CollectorRegistry()
    WorkerMetrics(registry)
    registry.register(whole)
    everything = Exposition(registry, MeasurementCollector(settled, lambda: worker.now)).answer("", packed=False)[1].decode()
    assert values(worker.text()) == values(everything) == values(worker.text(OPENMETRICS), read_openmetrics)
    assert worker.text(OPENMETRICS).count("# EOF") == 1
    names = [line.split()[2] for line in worker.text().splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_two_replicas_give_the_same_answer(worker, settled) -> None:
    assert values(Worker(settled).text()) == values(worker.text())


def test_ages_grow_between_two_reads_of_the_store(worker) -> None:
    def age() -> float:
        return next(value for key, value in values(worker.text()).items() if key[0] == "stepwedge_run_age_seconds")

    before = age()
    worker.now += timedelta(minutes=7)
    assert age() - before == 420


def test_a_new_run_is_shown_in_every_form_that_was_asked_for(worker, settled, version) -> None:
    before = {form: worker.text(form) for form in ("", OPENMETRICS)}
    send_days(settled, version, REFERENCE_DAYS + QUIET_DAYS, 1)
    run_pass(settled, day(REFERENCE_DAYS + QUIET_DAYS + 1), now=lambda: WALL + timedelta(minutes=1))
    worker.collector.refresh()
    rates = [line for line in worker.text().splitlines() if line.startswith("stepwedge_series_rate")]
    assert rates != [line for line in before[""].splitlines() if line.startswith("stepwedge_series_rate")]
    assert set(rates) <= set(worker.text(OPENMETRICS).splitlines())


def test_nobody_can_fill_the_memory_by_asking_for_ever_new_versions(worker) -> None:
    for number in range(20):
        worker.text(f"application/openmetrics-text; version=1.0.{number}")
    assert len(worker.exposition._written) <= MOST_FORMS


def test_a_scrape_may_ask_for_gzip(worker) -> None:
    with serve(worker_app(worker.exposition, {}), "127.0.0.1", 0) as port, httpx.Client(trust_env=False) as client:
        packed = client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": OPENMETRICS, "Accept-Encoding": "gzip"})
        plain = client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": OPENMETRICS, "Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text == worker.text(OPENMETRICS)
    assert packed.headers["content-type"].startswith("application/openmetrics-text")


def test_what_was_asked_for_is_written_down_anew_beside_the_scrapes(worker) -> None:
    worker.text()
    stop = Event()
    thread = Thread(target=worker.exposition.keep_until, args=(stop, 0.01))
    thread.start()
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert worker.text()
