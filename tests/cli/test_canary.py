"""A challenger answers in part, and no more, from the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.cli.setup import actor
from service.remedies.decide import Decision, approve
from service.remedies.handover import hand_over, take_challenger
from service.store.audit import entries
from service.store.canaries import canaries_of, standing_canary
from service.store.remedies import Remedy
from service.store.remedy_steps import held
from tests.cli.running import failure, stepwedge
from tests.remedies.builders import make_remedy
from tests.remedies.rivals import make_version


@pytest.fixture
def remedy(engine: Engine) -> Remedy:
    """A retraining of `chest` 1 that brought version 2."""
    with engine.begin() as connection:
        make_version(connection, "1", state="champion")
        challenger = make_version(connection, "2")
    made, now = make_remedy(engine, "retrain", kind="performance"), datetime.now(UTC)
    with engine.begin() as connection:
        approve(connection, Decision(made.id, now, "owner", "labels agree"))
        hand_over(connection, made.id, now)
        return take_challenger(connection, held(connection, made.id), challenger, at=now, actor="trainer")


def test_a_challenger_answers_in_part_where_somebody_forces_it_until_somebody_ends_it(
    engine: Engine, remedy: Remedy, postgres_url: str, tmp_path: Path
) -> None:
    def run(act: str, *arguments: str):
        call = ("remedies", act, str(remedy.id), "--reason", "seen at work first", *arguments)
        return stepwedge(*call, data_dir=tmp_path, DATABASE_URL=postgres_url)

    assert "Name a share of patients, or sites" in failure(run("canary", "--force"))
    assert "says: not yet" in failure(run("canary", "--share", "0.25"))
    begun = run("canary", "--share", "0.25", "--site", "south", "--site", "west", "--force")
    assert begun.returncode == 0, begun.stderr
    with engine.connect() as connection:
        standing = standing_canary(connection, "chest")
    assert standing is not None
    assert (standing.share, standing.sites, standing.begun_by) == (0.25, ("south", "west"), actor())
    assert "answers in part: 0.25 of patients and all films of south, west" in begun.stdout
    ended = run("abort")
    assert ended.returncode == 0, ended.stderr
    assert f"canary ended  {actor()} " in ended.stdout
    assert "in part" not in ended.stdout
    with engine.connect() as connection:
        (known,) = canaries_of(connection, "chest")
        deeds = [entry.act.deed for entry in entries(connection) if entry.act.deed.startswith("canary")]
    assert known.ended_by == standing.begun_by
    assert deeds == ["canary.begun", "canary.ended"]
