"""A spool is emptied in order and exactly once, whoever does it and wherever it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from service.errors import ConflictError
from service.gateway.entry import write_entry
from service.gateway.segment import framed
from service.gateway.spool import Spool
from service.store.drained import drain
from service.store.erase import Named, erase
from service.store.ledgers import months
from service.store.predictions import find_prediction, record_batch
from tests.api.serving import until
from tests.gateway.spools import PATIENCE, drained, make_refusal, segments, spooled, stored, with_spool
from tests.store.builders import AT, make_prediction


def test_what_is_spooled_becomes_rows_once_and_nothing_is_left_behind(tmp_path: Path, engine: Engine) -> None:
    films = [make_prediction(f"film {number}") for number in range(30)]
    spooled(tmp_path, *films)
    assert drained(tmp_path, engine) == {"stored": 30}
    assert stored(engine) == sorted(film.id for film in films)
    assert list(tmp_path.iterdir()) == []


def test_two_replicas_that_each_spooled_one_film_give_one_row_and_both_ids_lead_to_it(tmp_path: Path, engine: Engine) -> None:
    first, second, other = make_prediction("film"), make_prediction("film"), make_prediction("film", pixels="other")
    for film in (first, second, other):
        spooled(tmp_path / str(film.id), film)
    outcomes = [drained(tmp_path / str(film.id), engine) for film in (first, second, other)]
    assert outcomes == [{"stored": 1}, {"duplicate": 1}, {"conflict": 1}]
    with engine.connect() as connection:
        assert find_prediction(connection, second.id).id == first.id
        with pytest.raises(ConflictError):
            find_prediction(connection, other.id)


def test_a_record_that_no_database_takes_is_set_aside_and_holds_up_nobody(tmp_path: Path, engine: Engine) -> None:
    bad = make_prediction("bad", site="nul \0 byte")
    spooled(tmp_path, make_prediction("one"), bad, make_prediction("two"))
    assert drained(tmp_path, engine) == {"stored": 2, "rejected": 1}
    (kept,) = (tmp_path / "aside").iterdir()
    assert kept.read_bytes() == framed(write_entry(bad))


def test_refusals_are_stored_once_however_often_they_are_drained(tmp_path: Path, engine: Engine) -> None:
    refusals = [make_refusal() for _ in range(3)]

    async def story(spool: Spool) -> None:
        await spool.add(refusals, PATIENCE)
        await spool.add(refusals, PATIENCE)

    with_spool(tmp_path, story)
    drained(tmp_path, engine)
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from refusals")) == 3


@pytest.mark.parametrize("lost", range(0, 90, 7))
def test_a_torn_last_record_never_blocks_what_was_acknowledged(tmp_path: Path, engine: Engine, lost: int) -> None:
    """A kill in the middle of a write: its record was never acknowledged."""
    spooled(tmp_path, make_prediction("one"), make_prediction("two"))
    (segment,) = segments(tmp_path)
    torn = framed(write_entry(make_prediction("three")))[: lost + 1]
    with segment.open("ab") as file:
        file.write(torn)
    assert drained(tmp_path, engine) == {"stored": 2}
    assert list(tmp_path.iterdir()) == []


def test_damage_in_the_middle_costs_one_record_and_is_kept_for_a_person(tmp_path: Path, engine: Engine) -> None:
    spooled(tmp_path, *(make_prediction(str(number)) for number in range(3)))
    (segment,) = segments(tmp_path)
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    assert drained(tmp_path, engine) == {"stored": 2}
    (kept,) = (tmp_path / "aside").iterdir()
    assert kept.read_bytes() == data


def test_killed_between_commit_and_unlink_nothing_is_stored_or_counted_twice(tmp_path: Path, engine: Engine) -> None:
    films = [make_prediction(str(number)) for number in range(5)]
    spooled(tmp_path, *films)
    (segment,) = segments(tmp_path)
    copy, process = segment.read_bytes(), segment.parent.name
    drained(tmp_path, engine)
    again = tmp_path / process
    again.mkdir()
    (again / "lock").touch()
    (again / segment.name).write_bytes(copy)
    assert drained(tmp_path, engine) == {}
    assert len(stored(engine)) == 5
    with engine.connect() as connection:
        assert connection.execute(text("select predictions, stored from spool_segments")).one() == (5, 5)
        assert connection.scalar(text("select sum(stored) from ledger_months")) == 5


def test_killed_between_two_commits_of_a_segment_the_rest_is_drained_once(tmp_path: Path, engine: Engine) -> None:
    films = [make_prediction(str(number)) for number in range(450)]
    spooled(tmp_path, *films)
    (segment,) = segments(tmp_path)
    with engine.begin() as connection:
        drain(connection, UUID(segment.parent.name), int(segment.stem), [(len(framed(write_entry(films[0]))), films[0])])
    assert drained(tmp_path, engine) == {"stored": 449}
    assert len(stored(engine)) == 450


def test_the_empty_shelf_of_a_dead_process_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / str(uuid4())).mkdir()
    (next(tmp_path.iterdir()) / "lock").touch()

    async def story(spool: Spool) -> bool:
        return spool.empty

    assert with_spool(tmp_path, story)
    assert list(tmp_path.iterdir()) == []


def test_what_was_committed_by_the_recorder_and_spooled_all_the_same_is_one_row(tmp_path: Path, engine: Engine) -> None:
    film = make_prediction()
    with engine.begin() as connection:
        record_batch(connection, [film])
    spooled(tmp_path, film)
    assert drained(tmp_path, engine) == {"known": 1}
    assert stored(engine) == [film.id]


def test_a_film_that_was_spooled_before_an_erasure_leaves_no_row_and_the_books_balance(tmp_path: Path, engine: Engine) -> None:
    before, other = make_prediction("film"), make_prediction("other")
    again = make_prediction("film", at=AT + timedelta(hours=2))
    patient = before.pseudonyms.patient or b""
    spooled(tmp_path, before, other)
    with engine.begin() as connection:
        erase(connection, Named.PATIENT, patient, at=AT + timedelta(hours=1), actor="tests")
    assert drained(tmp_path, engine) == {"stored": 1, "erased": 1}
    assert stored(engine) == [other.id]
    spooled(tmp_path, again)
    assert drained(tmp_path, engine) == {"stored": 1}, "what comes after the erasure is new"
    with engine.begin() as connection:
        assert connection.execute(text("select sum(predictions), sum(stored) from spool_segments")).one() == (3, 2)
        erase(connection, Named.PATIENT, patient, at=AT + timedelta(hours=3), actor="tests")
        assert months(connection) == [("2026-03", 1, 1)], "what was erased is not missing"


def test_an_erasure_waits_for_what_is_being_drained(tmp_path: Path, engine: Engine) -> None:
    film = make_prediction("film")
    with engine.begin() as draining, ThreadPoolExecutor(1) as pool:
        drain(draining, uuid4(), 1, [(1, film)])

        def erased() -> dict[str, int]:
            with engine.begin() as connection:
                return dict(erase(connection, Named.STUDY, film.pseudonyms.study or b"", at=AT, actor="tests").rows)

        erasing = pool.submit(erased)
        until(lambda: waiting(engine) == 1)
        draining.commit()
        assert erasing.result()["predictions"] == 1
    assert stored(engine) == []


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        query = "select count(*) from pg_locks where not granted and locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"
        return int(connection.scalar(text(query)) or 0)


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that spooled one film, said so, and lives on."""
    program = (
        "import sys, time; from pathlib import Path; from uuid import uuid4; from service.gateway.shelf import Shelf;"
        "from service.gateway.entry import write_entry; from tests.store.builders import make_prediction;"
        "shelf = Shelf.own(Path(sys.argv[1]), uuid4()); shelf.append([write_entry(make_prediction('theirs'))]); print('done', flush=True);"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_the_shelf_of_a_living_process_is_left_alone_and_that_of_a_dead_one_adopted(tmp_path: Path, engine: Engine) -> None:
    with holder(tmp_path) as process:
        assert drained(tmp_path, engine) == {}
        assert len(segments(tmp_path)) == 1
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert drained(tmp_path, engine) == {"stored": 1}
