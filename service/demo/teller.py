"""The teller: plays the story's days in order. While the pass of one day runs, the films of the next are already on their way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import httpx
from sqlalchemy import Engine

from service.config import Settings
from service.demo.population import studies_of
from service.demo.progress import Progress, save_progress
from service.demo.reports import send_reports
from service.demo.scenario import Scenario
from service.demo.stream import Stream
from service.domain import ModelVersion
from service.errors import StepwedgeError
from service.store.alarms import alarms_of
from service.worker.reference import build_reference
from service.worker.run import run_pass

Echo = Callable[[str], None]
NEWS_EVERY_DAYS = 5
BUSY_S = 0.2
"""Pause before asking again whether a worker that runs beside the demo has let go of the model."""


@dataclass(slots=True)
class Teller:
    """What is needed to play a day, and what the days played so far have cost."""

    settings: Settings
    engine: Engine
    version: ModelVersion
    echo: Echo
    announced: set[UUID] = field(default_factory=set)
    films: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def tell(self, progress: Progress, stream: Stream, client: httpx.Client) -> None:
        """Every day that is still to be told, each noted once it is complete."""
        scenario, begun = progress.scenario, time.monotonic()
        ahead = _begin(stream, scenario, progress.days_told)
        for day in range(progress.days_told, scenario.days):
            with self._timed("films"):
                self.films += len([answer.result() for answer in ahead])
            ahead = _begin(stream, scenario, day + 1)
            with self._timed("reports"):
                send_reports(client, self.version.model, scenario, day)
            with self._timed("passes"):
                self._judge(scenario, day)
            progress = progress.after(day)
            save_progress(self.settings.data_dir, progress)
            self._news(scenario, day, self.films / (time.monotonic() - begun))

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - begun

    def _judge(self, scenario: Scenario, day: int) -> None:
        """What the worker does when a day is over; at the end of the acceptance period its days become the reference first."""
        over = scenario.midnight(day + 1)
        if day == scenario.acceptance_days - 1:
            build_reference(self.engine, self.version, scenario.midnight(0), over, at=_now())
        if day >= scenario.acceptance_days:
            passed = run_pass(self.engine, over, now=_now)
            while self.version.model in passed.busy:
                time.sleep(BUSY_S)
                passed = run_pass(self.engine, over, now=_now)
            if passed.failed:
                raise StepwedgeError("The worker's pass over the demo model failed; its log says why.")

    def _news(self, scenario: Scenario, day: int, rate: float) -> None:
        """A line every few days, and one for each new alarm."""
        with self.engine.connect() as connection:
            alarms = alarms_of(connection, self.version.id)
        fresh = [alarm for alarm in reversed(alarms) if alarm.id not in self.announced]
        for alarm in fresh:
            self.announced.add(alarm.id)
            self.echo(f"  ALARM at the end of day {(alarm.opened_at - scenario.midnight(0)).days}: {alarm.summary}")
        if (day + 1) % NEWS_EVERY_DAYS == 0 or day + 1 == scenario.days:
            chapter = "acceptance" if day < scenario.acceptance_days else "in service"
            self.echo(
                f"day {day + 1:3d} of {scenario.days}  {scenario.date_of(day)}  {chapter}  "
                f"{self.films:5d} films  {rate:4.0f} films/s  {len(alarms)} alarm{'' if len(alarms) == 1 else 's'}"
            )


def _now() -> datetime:
    return datetime.now(UTC)


def _begin(stream: Stream, scenario: Scenario, day: int) -> list[Future[UUID]]:
    """Set the films of a day on their way; there are none after the last."""
    return stream.send(studies_of(scenario, day)) if day < scenario.days else []
