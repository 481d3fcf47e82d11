"""The audit log as a page: who may look, what is found in it, whether it is whole, and all of it as a file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from service.access import Act, Deed
from service.config import Settings
from service.store.audit import append, entries
from service.store.audit_checks import check_next
from service.store.chain import Head, hash_of
from service.store.engine import open_engine
from tests.api.serving import make_settings, serving, until
from tests.console.visits import Visit, enter, visiting
from tests.postgres import database

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOSTILE = "=<script>alert(1)</script>\"'"
FILM = str(UUID(int=7))
PAGE = "/console/audit"


@dataclass(frozen=True, slots=True)
class Looked:
    """A gateway, and who looks at its log."""

    settings: Settings
    engine: Engine
    visit: Visit


@pytest.fixture(scope="module")
def looked(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """An operator who looks at a log of 120 rows, one a day, of two actors."""
    with database(server_url, migrated_template) as url:
        settings, engine = make_settings(url, tmp_path_factory.mktemp("audit")), open_engine(url)
        with engine.begin() as connection:
            append(
                connection,
                *(Act(AT + timedelta(days=day), ("even", "odd")[day % 2], Deed.WORDS_ACCEPTED, f"word {day}") for day in range(118)),
            )
            append(connection, Act(AT, HOSTILE, Deed.ERASED, HOSTILE, {"scope": HOSTILE, "rows": 3}))
            subjects = [f"2026-03-02T09:00:00.000+00:00 {FILM}"]
            append(connection, Act(AT, "reader", Deed.PREDICTION_READ, "", {"count": 1, "subjects": subjects}))
        with serving(settings) as client, visiting(str(client.base_url)) as visit:
            enter(visit, settings, "operator", "read", "operate")
            yield Looked(settings, engine, visit)
        engine.dispose()


@pytest.fixture
def visit(looked: Looked) -> Visit:
    return looked.visit


def rows(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'data-label="Row" class="number">(\d+)<', page)]


def test_only_who_may_operate_looks(looked: Looked) -> None:
    with visiting(str(looked.visit.browser.base_url)) as visit:
        assert visit.get(PAGE).headers["location"].startswith("/console/login?back=")
        enter(visit, looked.settings, "looker", "read")
        assert [visit.get(path).status_code for path in (PAGE, f"{PAGE}/log.csv")] == [403, 403]
        assert visit.send(f"{PAGE}/check").status_code == 403


def test_rows_are_found_by_who_what_on_what_and_when_page_by_page(visit: Visit) -> None:
    newest = rows(visit.page(PAGE))
    assert newest == sorted(newest, reverse=True)
    assert len(newest) == 50
    older = re.search(r'href="([^"]+)" rel="next"', visit.page(PAGE))
    assert older
    assert max(rows(visit.page(older[1].replace("&amp;", "&")))) == min(newest) - 1
    first = min(rows(visit.page(f"{PAGE}?subject=word+0")))
    assert rows(visit.page(f"{PAGE}?actor=odd&from=2026-03-03&to=2026-03-05")) == [first + 3, first + 1]
    assert rows(visit.page(f"{PAGE}?deed=erased")) == [first + 118]
    assert rows(visit.page(f"{PAGE}?subject={FILM}")) == [first + 119]
    assert "Nothing matches" in visit.page(f"{PAGE}?actor=nobody")
    assert [visit.get(f"{PAGE}?{query}").status_code for query in ("deed=x", "from=x", "before=x")] == [400, 400, 400]


def test_what_callers_call_themselves_is_inert(visit: Visit) -> None:
    page = visit.page(f"{PAGE}?deed=erased")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    (cells,) = list(csv.reader(io.StringIO(visit.get(f"{PAGE}/log.csv?deed=erased").text)))[1:]
    assert cells[2] == cells[4] == f"'{HOSTILE}"


def test_the_whole_log_as_a_file_can_be_followed_by_anybody(visit: Visit, looked: Looked) -> None:
    reply = visit.get(f"{PAGE}/log.ndjson")
    assert reply.headers["content-disposition"].startswith('attachment; filename="audit-')
    found, before = [json.loads(line) for line in reply.text.splitlines()], Head()
    for row in found:
        act = Act(datetime.fromisoformat(row["at"]), row["actor"], Deed(row["deed"]), row["subject"], row["details"])
        before = Head(row["seq"], hash_of(before.hash, row["seq"], act))
        assert row["hash"] == before.hash.hex()
    assert before.seq >= 120
    assert len(visit.get(f"{PAGE}/log.csv").text.splitlines()) == len(found) + 1
    assert visit.get(f"{PAGE}/log.exe").status_code == 404

    def taken() -> list[object]:
        with looked.engine.connect() as connection:
            return [entry.act.details["form"] for entry in entries(connection) if entry.act.deed == Deed.AUDIT_EXPORTED]

    until(lambda: taken()[-2:] == ["ndjson", "csv"])


def test_the_chain_is_verified_on_request_and_a_changed_row_is_named(visit: Visit, looked: Looked) -> None:
    assert "Not checked yet" in visit.page(PAGE)
    assert visit.send(f"{PAGE}/check", on=PAGE).headers["location"] == f"{PAGE}#chain"
    assert re.search(r"Verified up to row 12\d at", visit.page(PAGE))
    with looked.engine.begin() as connection:
        connection.execute(text("alter table audit disable trigger all"))
        connection.execute(text("update audit set actor = 'x' where seq = 7"))
        connection.execute(text("alter table audit enable trigger all"))
    visit.send(f"{PAGE}/check", on=PAGE, start="first")
    page = visit.page(PAGE)
    assert "Row 7: its content is not what was written" in page


def test_a_long_log_is_followed_in_parts_and_then_from_the_beginning_again(engine: Engine) -> None:
    with engine.begin() as connection:
        append(connection, *(Act(AT, "a", Deed.ERASED) for _ in range(25)))
        found = [check_next(connection, AT, "worker", 10) for _ in range(4)]
    assert [(one.first, one.last, one.broken) for one in found] == [(1, 10, None), (11, 20, None), (21, 25, None), (1, 10, None)]


@pytest.mark.parametrize("change", ["delete from audit where seq >= 10", "update audit set hash = previous where seq = 10"])
def test_what_was_found_right_before_must_still_be_there(engine: Engine, change: str) -> None:
    with engine.begin() as connection:
        append(connection, *(Act(AT, "a", Deed.ERASED) for _ in range(12)))
        check_next(connection, AT, "worker", 10)
        connection.execute(text("alter table audit disable trigger all"))
        connection.execute(text(change))
        connection.execute(text("alter table audit enable trigger all"))
        assert check_next(connection, AT, "worker", 10).broken == 10
