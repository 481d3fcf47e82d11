"""Crash: a pass that dies anywhere, or runs beside others, leaves what an undisturbed one leaves."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event

import pytest
from sqlalchemy import Engine, text

from service.store.engine import open_engine
from service.store.models import champion
from service.worker.run import run_pass
from tests import postgres
from tests.worker.conftest import WALL, run
from tests.worker.hospital import QUIET_DAYS, REFERENCE_DAYS, Stream, day, send_days
from tests.worker.left_behind import left_behind

SHIFT = REFERENCE_DAYS + QUIET_DAYS
END = day(SHIFT + 2, 3.0)
REPLACED = Stream(scanner="Gamma", kvp=9.0)

# A sequence counts on through a rollback, so just one write fails.
BREAK = """
create sequence writes;
create function break() returns trigger language plpgsql as $$
begin
    if nextval('writes') = {write} then raise exception 'broken on purpose'; end if;
    return null;
end $$;
create trigger break after insert or update or delete on {table} for each statement execute function break();
"""
MEND = "drop function break() cascade; drop sequence writes"


@pytest.fixture(scope="module")
def expected(server_url, settled_template):
    """What an undisturbed pass leaves."""
    with postgres.database(server_url, settled_template) as url:
        engine = open_engine(url)
        send(engine)
        run(engine, END)
        left = left_behind(engine)
        engine.dispose()
    assert [len(left[name]) for name in ("alarms", "remedies", "outbox")] == [1, 1, 1]
    return left


def send(engine: Engine) -> None:
    with engine.connect() as connection:
        version = champion(connection, "chest")
    send_days(engine, version, SHIFT, 3, REPLACED)


CRASHES = (
    ("tallies", 20),
    ("tally_marks", 1),
    ("tally_marks", 2),
    ("day_tallies", 1),
    ("checkpoints", 1),
    ("checkpoints", 2),
    ("alarms", 1),
    ("remedies", 1),
    ("outbox", 1),
    ("readings", 1),
    ("snapshots", 1),
    ("series_readings", 1),
)
"""Table and how many-th write to it fails, in the order in which a pass writes."""


def test_a_pass_that_dies_at_one_write_after_the_other_is_made_up_for_by_the_next(settled, expected):
    send(settled)
    for table, write in CRASHES:
        with settled.begin() as connection:
            connection.execute(text(BREAK.format(table=table, write=write)))
        assert run_pass(settled, END, now=lambda: WALL).failed == ("chest",), (table, write)
        with settled.begin() as connection:
            connection.execute(text(MEND))
    run(settled, END)
    assert left_behind(settled) == expected


def test_three_workers_at_once_one_of_them_killed_leave_what_one_leaves(settled, expected):
    send(settled)
    url = settled.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    victim = context.Process(target=work_for_ever, args=(url,))
    others = [context.Process(target=work_to_the_end, args=(url, begun)) for _ in range(2)]
    for worker in (victim, *others):
        worker.start()
    wait_for_a_new_checkpoint(settled)
    begun.set()
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    for worker in (victim, *others):
        worker.join(120)
    assert [worker.exitcode for worker in (victim, *others)] == [-signal.SIGKILL, 0, 0]
    assert left_behind(settled) == expected


def work_for_ever(url: str) -> None:
    engine = open_engine(url)
    while True:
        run_pass(engine, END, now=lambda: WALL)


def work_to_the_end(url: str, begun: Event) -> None:
    """Try until the pass was ours."""
    engine = open_engine(url)
    begun.wait()
    while (report := run_pass(engine, END, now=lambda: WALL)).busy:
        time.sleep(0.01)
    assert report.failed == ()


def wait_for_a_new_checkpoint(engine: Engine) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.scalar(text("select count(*) from checkpoints")) > QUIET_DAYS:
                return
        time.sleep(0.01)
    pytest.fail("no worker judged anything")
