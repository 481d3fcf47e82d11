"""What Postgres said last is remembered whole, for a while, of one database, and nobody but us can write it."""

from __future__ import annotations

import json
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from service.access import ApiKey, Role
from service.domain import ModelVersion
from service.gateway.api_key import issued, new_key
from service.gateway.last_known import FILE, LastKnown
from service.store.words import Source, Word
from tests.gateway.remembering import DATABASE, make_last_known
from tests.store.builders import AT

TEXT = new_key()
KEY = issued(TEXT, "pacs", [Role.PREDICT, Role.READ], AT, AT + timedelta(days=30))
VERSION = ModelVersion(7, "chest", "1", {"name": "chest"}, "ab" * 32, "models/chest", "champion", AT)
WORD = Word("ManufacturerModelName", "RADIANT 5", "OTHER-1", Source.PATIENTS, accepted=True, at=AT)


def remembered(folder: Path, *, at: datetime = AT, keys: tuple[ApiKey, ...] = (KEY,)) -> None:
    """A gateway that heard all of it and wrote it down."""
    last_known = make_last_known(folder, now=lambda: at)
    last_known.heard(keys=keys, versions=[VERSION])
    last_known.write()
    assert not (folder / FILE).exists(), "it has not heard all yet"
    last_known.heard(words=[WORD])
    last_known.write()


def recalled(last_known: LastKnown) -> tuple[Any, ...] | None:
    known = last_known.recall()
    return None if known is None else (known.at, known.keys, known.versions, known.words)


def test_all_of_it_comes_back(tmp_path: Path) -> None:
    remembered(tmp_path)
    assert recalled(make_last_known(tmp_path)) == (AT, (KEY,), (VERSION,), (WORD,))


def test_no_key_is_in_it_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    remembered(tmp_path)
    said = (tmp_path / FILE).read_bytes()
    assert TEXT.encode() not in said
    assert b"password" not in said
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": b"another key of the pseudonyms 12"},
        {"database": "postgresql://stepwedge@db/another"},
        {"now": lambda: AT + timedelta(hours=24)},
        {"now": lambda: AT - timedelta(hours=1)},
        {"hours": 0},
    ],
)
def test_it_counts_for_nobody_else_and_not_for_ever(tmp_path: Path, changed: dict[str, Any]) -> None:
    remembered(tmp_path)
    assert make_last_known(tmp_path, **changed).recall() is None


def test_another_password_is_the_same_database(tmp_path: Path) -> None:
    remembered(tmp_path)
    assert make_last_known(tmp_path, database=DATABASE.replace("password", "rotated")).recall() is not None


def test_what_somebody_wrote_into_it_is_not_believed(tmp_path: Path) -> None:
    remembered(tmp_path)
    seal, _, payload = (tmp_path / FILE).read_bytes().partition(b"\n")
    document = json.loads(payload)
    document["keys"][0]["roles"] = [role.value for role in Role]
    for forged in (seal + b"\n" + json.dumps(document).encode(), seal + b"\n" + payload[:-1], payload, b"", seal + b"\n"):
        (tmp_path / FILE).write_bytes(forged)
        assert make_last_known(tmp_path).recall() is None


def test_it_is_written_again_when_something_changed_or_a_minute_passed(tmp_path: Path) -> None:
    clock = [AT]
    last_known = make_last_known(tmp_path, now=lambda: clock[0])

    def written(*, keys: tuple[ApiKey, ...], after: timedelta) -> bool:
        clock[0] += after
        last_known.heard(keys=keys, versions=[VERSION], words=[WORD])
        before = (tmp_path / FILE).read_bytes() if (tmp_path / FILE).exists() else b""
        last_known.write()
        return (tmp_path / FILE).read_bytes() != before

    second = timedelta(seconds=1)
    assert written(keys=(KEY,), after=second)
    assert not written(keys=(KEY,), after=second)
    assert written(keys=(), after=second)
    assert written(keys=(), after=timedelta(minutes=1))


def test_its_age_shows_while_it_is_in_use(tmp_path: Path) -> None:
    remembered(tmp_path)
    registry = CollectorRegistry()
    last_known = make_last_known(tmp_path, registry=registry, now=lambda: AT + timedelta(minutes=5))
    age = "stepwedge_last_known_age_seconds"
    assert (registry.get_sample_value(age), last_known.in_use_since) == (0.0, None)
    last_known.recall()
    assert (registry.get_sample_value(age), last_known.in_use_since) == (300.0, AT)
    last_known.heard(keys=[])
    assert (registry.get_sample_value(age), last_known.in_use_since) == (0.0, None)
