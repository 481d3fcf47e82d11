"""A call-back brings one challenger, however often, and none once the remedy is over."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from service.errors import PackageError, RemedyStateError
from service.models.registry import register_package
from service.remedies.callback import bring_challenger, bring_from
from service.remedies.command import deliver_by_command
from service.remedies.decide import Decision, approve, reject
from service.remedies.handover import hand_over
from service.store.models import challengers, champion, versions
from service.store.remedies import Remedy, State, find_remedy
from service.store.remedy_steps import steps_of
from service.store.tables import outbox
from tests.api.serving import make_settings
from tests.models.packages import make_package
from tests.remedies.builders import make_remedy
from tests.store.builders import AT
from tests.worker.test_crash import BREAK, MEND

Bring = Callable[[Path], Remedy]


@pytest.fixture
def objects(tmp_path: Path) -> str:
    return str(tmp_path / "objects")


@pytest.fixture
def waiting(engine: Engine, objects: str, tmp_path: Path) -> Remedy:
    """A retraining that is handed over."""
    register_package(engine, objects, make_package(tmp_path / "one"), at=AT)
    remedy = make_remedy(engine, "retrain", kind="performance")
    with engine.begin() as connection:
        approve(connection, Decision(remedy.id, AT, "owner", "more labels than ever"))
        assert hand_over(connection, remedy.id, AT) == hand_over(connection, remedy.id, AT) == State.HANDED_OVER
    return remedy


def test_the_same_call_back_twice_brings_one_challenger(engine: Engine, objects: str, tmp_path: Path, waiting: Remedy) -> None:
    folder = make_package(tmp_path / "two", version="2")
    first, again = (bring_challenger(engine, objects, waiting.id, folder, at=AT, actor="trainer") for _ in range(2))
    assert (first.state, again) == (State.CHALLENGED, first)
    with engine.connect() as connection:
        assert [one.version for one in challengers(connection, "chest")] == ["2"]
        assert champion(connection, "chest").version == "1"
        assert [step.step for step in steps_of(connection, waiting.id)] == ["approved", "handed_over", "challenged"]


HANDED_OVER = ("outbox", "remedies", "remedy_steps", "audit")
CALLED_BACK = ("model_versions", "remedies", "remedy_steps", "audit")
"""Tables whose first write fails while a retraining is handed over, and while its challenger comes back."""


def test_whoever_dies_at_any_write_of_a_hand_over_or_a_call_back_leaves_one_request_and_one_challenger(
    engine: Engine, objects: str, tmp_path: Path
) -> None:
    register_package(engine, objects, make_package(tmp_path / "one"), at=AT)
    remedy, folder = make_remedy(engine, "retrain", kind="performance"), make_package(tmp_path / "two", version="2")
    with engine.begin() as connection:
        approve(connection, Decision(remedy.id, AT, "owner", "more labels than ever"))

    def ask() -> None:
        with engine.begin() as connection:
            hand_over(connection, remedy.id, AT)

    def answer() -> None:
        bring_challenger(engine, objects, remedy.id, folder, at=AT, actor="trainer")

    for act, tables in ((ask, HANDED_OVER), (answer, CALLED_BACK)):
        for table in tables:
            with engine.begin() as connection:
                connection.execute(text(BREAK.format(table=table, write=1)))
            with pytest.raises(DBAPIError, match="broken on purpose"):
                act()
            with engine.begin() as connection:
                connection.execute(text(MEND))
        act()
        act()
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(outbox).where(outbox.c.kind == "retraining")) == 1
        assert [one.version for one in challengers(connection, "chest")] == ["2"]
        assert [step.step for step in steps_of(connection, remedy.id)] == ["approved", "handed_over", "challenged"]


def test_a_package_that_lies_in_the_object_folder_is_fetched_from_there(
    engine: Engine, objects: str, tmp_path: Path, waiting: Remedy
) -> None:
    shutil.copytree(make_package(tmp_path / "two", version="2"), Path(objects) / "retrained" / "two")
    assert bring_from(engine, objects, waiting.id, "retrained/two", at=AT, actor="trainer").state == State.CHALLENGED


def test_another_challenger_for_the_same_remedy_is_refused(engine: Engine, objects: str, tmp_path: Path, waiting: Remedy) -> None:
    bring_challenger(engine, objects, waiting.id, make_package(tmp_path / "two", version="2"), at=AT, actor="trainer")
    with pytest.raises(RemedyStateError, match="another challenger"):
        bring_challenger(engine, objects, waiting.id, make_package(tmp_path / "three", version="3"), at=AT, actor="trainer")


def test_a_call_back_after_the_remedy_was_given_up_registers_nothing(engine: Engine, objects: str, tmp_path: Path, waiting: Remedy) -> None:
    with engine.begin() as connection:
        reject(connection, Decision(waiting.id, AT + timedelta(hours=1), "owner", "the scanner was repaired"))
    with pytest.raises(RemedyStateError):
        bring_challenger(engine, objects, waiting.id, make_package(tmp_path / "two", version="2"), at=AT, actor="trainer")
    with engine.connect() as connection:
        assert [one.version for one in versions(connection, "chest")] == ["1"]


@pytest.mark.parametrize(
    "changes",
    [{"name": "hand", "version": "2"}, {"version": "1"}, {"version": "2", "findings": [{"name": "effusion"}, {"name": "opacity"}]}],
    ids=["another model", "the champion itself", "other findings"],
)
def test_what_is_no_challenger_is_refused_before_it_is_registered(
    engine: Engine, objects: str, tmp_path: Path, waiting: Remedy, changes: dict[str, object]
) -> None:
    with pytest.raises(PackageError):
        bring_challenger(engine, objects, waiting.id, make_package(tmp_path / "two", **changes), at=AT, actor="trainer")  # type: ignore[arg-type] # sections of a manifest
    with engine.connect() as connection:
        assert challengers(connection) == []
        found = find_remedy(connection, waiting.id)
    assert found is not None
    assert found.state == State.HANDED_OVER


@pytest.mark.parametrize("place", ["nothing/here", "../one", "/etc", "retrained/../../one"])
def test_a_place_that_is_no_package_of_the_object_folder_is_refused(engine: Engine, objects: str, waiting: Remedy, place: str) -> None:
    with pytest.raises(PackageError):
        bring_from(engine, objects, waiting.id, place, at=AT, actor="trainer")


def test_a_command_takes_the_request_once_and_is_tried_again_where_it_fails(
    engine: Engine, postgres_url: str, tmp_path: Path, waiting: Remedy
) -> None:
    script, log = tmp_path / "begin.py", tmp_path / "asked"
    script.write_text(
        "import json, os, sys\n"
        "data = json.load(sys.stdin)['data']\n"
        f"open({str(log)!r}, 'a').write(os.environ['STEPWEDGE_REMEDY'] + ' ' + data['model'] + '\\n')\n"
        f"sys.exit(open({str(log)!r}).read().count('\\n') < 2)\n"
    )
    settings = make_settings(postgres_url, tmp_path, retraining_command=f"{sys.executable} {script}")
    clock = [AT]
    assert deliver_by_command(engine, settings, lambda: clock[0]) == 0
    clock[0] += timedelta(minutes=1)
    assert deliver_by_command(engine, settings, lambda: clock[0]) == 1
    clock[0] += timedelta(days=1)
    assert deliver_by_command(engine, settings, lambda: clock[0]) == 0
    assert log.read_text() == f"{waiting.id} chest\n" * 2
