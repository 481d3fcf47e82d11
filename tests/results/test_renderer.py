"""Reports are made elsewhere; a process that dies is replaced, and tells nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from service.errors import BusyError, NoReportError, ReportError, UnavailableError
from service.results.renderer import MOST_WAITING, Renderer
from service.results.report import report
from tests.api.serving import until
from tests.results.subjects import make_subject


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    with Renderer() as renderer:
        yield renderer


def process_of(renderer: Renderer) -> int:
    assert renderer._process is not None
    return renderer._process.pid


def test_a_report_is_what_it_is_here(renderer: Renderer) -> None:
    subject = make_subject()
    assert renderer.make(subject) == report(subject)
    assert asyncio.run(renderer.render(subject)) == report(subject)


def test_a_subject_without_report_or_with_a_fault_of_ours_is_told_apart_and_the_next_one_is_made(renderer: Renderer) -> None:
    subject = make_subject()
    with pytest.raises(NoReportError):
        renderer.make(replace(subject, header=subject.header[:40]))
    with pytest.raises(ReportError):
        renderer.make(replace(subject, prediction=replace(subject.prediction, scores=None)))  # type: ignore[arg-type] # the fault
    assert renderer.make(subject)


def test_a_process_that_was_killed_is_replaced_for_the_next(renderer: Renderer) -> None:
    renderer.make(make_subject())
    os.kill(process_of(renderer), signal.SIGSTOP)
    renderer._seconds = 0.2
    with pytest.raises(UnavailableError):
        renderer.make(make_subject())
    renderer._seconds = 30.0
    assert renderer.make(make_subject())


def test_a_process_that_nobody_needs_ends_and_the_next_report_starts_another() -> None:
    subject = make_subject()
    with Renderer(idle=0.2) as renderer:
        first = renderer.make(subject)
        until(lambda: renderer._process is None)
        assert renderer.make(subject) == first


def test_who_waits_for_a_report_is_counted(renderer: Renderer) -> None:
    async def ask() -> list[bytes | BaseException]:
        return await asyncio.gather(*(renderer.render(make_subject()) for _ in range(MOST_WAITING + 3)), return_exceptions=True)

    answers = asyncio.run(ask())
    assert [type(answer) for answer in answers[MOST_WAITING:]] == 3 * [BusyError]
    assert all(isinstance(answer, bytes) for answer in answers[:MOST_WAITING])


def test_the_gateway_does_not_import_what_makes_reports() -> None:
    code = "import sys, service.app; sys.exit('highdicom' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
