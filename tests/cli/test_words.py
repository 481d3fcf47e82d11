"""Words from the command line."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from service.gateway.vocabulary import other
from service.store.audit import entries
from service.store.words import words
from tests.api.serving import KEY
from tests.cli.running import failure, stepwedge


def test_an_operator_accepts_and_withdraws_words(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    def run(*arguments: str):
        return stepwedge("words", *arguments, data_dir=tmp_path, DATABASE_URL=postgres_url, STEPWEDGE_PSEUDONYM_KEY=KEY)

    assert "None yet" in run("list").stdout
    made = run("accept", "ManufacturerModelName", "Room  Master 3", "room master 4")
    assert made.returncode == 0, made.stderr
    assert "ROOM MASTER 3: kept as it is" in made.stdout
    assert run("withdraw", "ManufacturerModelName", "ROOM MASTER 4").returncode == 0
    category = other(KEY.encode(), "ManufacturerModelName", "ROOM MASTER 4")
    with engine.connect() as connection:
        assert {(word.word, word.accepted) for word in words(connection)} == {("ROOM MASTER 3", True), ("ROOM MASTER 4", False)}
        assert [entry.act.deed for entry in entries(connection)] == ["words.accepted", "words.withdrawn"]
    assert category in run("list").stdout
    assert "StationName has no words" in failure(run("accept", "StationName", "ROOM 7"))
