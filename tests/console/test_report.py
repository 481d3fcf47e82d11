"""The report of a period: of its days only, with what is insufficient in words, as a page that needs nothing else and as a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from service.cli.program import app
from service.domain import Alarm, Carrier, Outcome, Refusal
from service.store.alarms import open_alarm
from service.store.engine import open_engine
from service.store.ids import uuid7
from service.store.models import champion
from service.store.references import active_reference
from service.store.refusals import record_refusals
from tests.api.readings import DAYS, END, FILMS_A_DAY, MONDAY, settle
from tests.api.serving import make_settings, register, serving, until_loaded
from tests.postgres import database

SHEET = "/console/models/chest/report/sheet"
WHOLE = {"from": MONDAY.date().isoformat(), "to": (END.date() - timedelta(days=1)).isoformat()}
HOSTILE = "<script>alert(1)</script>"
Place = tuple[httpx.Client, str]


@pytest.fixture(scope="module")
def place(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A gateway with films, one alarm on the tenth day, and three refusals, one of them after the period."""
    folder: Path = tmp_path_factory.mktemp("report")
    with database(server_url, migrated_template) as url:
        settings, engine = make_settings(url, folder), open_engine(url)
        register(engine, settings, folder / "package")
        settle(engine)
        trouble(engine)
        with serving(settings) as client:
            until_loaded(client)
            yield client, url
        engine.dispose()


def trouble(engine: Engine) -> None:
    tenth = MONDAY + timedelta(days=10)
    with engine.begin() as connection:
        version = champion(connection, "chest").id
        reference = active_reference(connection, version)
        assert reference is not None
        carrier = Carrier("acquisition:all:KVP", "acquisition", "site=north", "KVP", "", HOSTILE, "high", 0.1, 0.4, 100, 2.0)
        alarm = Alarm(
            UUID(int=7),
            version,
            reference.id,
            "acquisition",
            "inputs",
            "site=north",
            tenth,
            tenth,
            None,
            2.0,
            f"shift {HOSTILE}",
            (carrier,),
        )
        open_alarm(connection, alarm)
        moments = (MONDAY, tenth, END + timedelta(days=1))
        rows = [Refusal(uuid7(at), at, "chest", "north", "pacs", Outcome.REFUSED, "undecodable", 400, 1) for at in moments]
        record_refusals(connection, rows)


def rows_of(client: httpx.Client, **days: str) -> list[dict[str, str]]:
    reply = client.get(f"{SHEET}.csv", params=days)
    assert reply.status_code == 200, reply.text
    return list(csv.DictReader(io.StringIO(reply.text)))


def value(rows: list[dict[str, str]], measure: str, finding: str = "", subgroup: str = "all") -> float:
    found = [row["value"] for row in rows if (row["measure"], row["finding"], row["subgroup"]) == (measure, finding, subgroup)]
    assert len(found) == 1, (measure, found)
    return float(found[0])


def test_the_page_needs_nothing_else_and_keeps_its_words_as_words(place: Place) -> None:
    reply = place[0].get(f"{SHEET}.html", params=WHOLE)
    assert reply.status_code == 200
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert re.findall(r'(?:src|href)="(?!#)|url\(|@import|<script|\sstyle=', reply.text) == []
    assert HOSTILE not in reply.text
    assert "&lt;script&gt;" in reply.text
    assert '[data-theme="dark"]' in reply.text
    for title in (
        "In short",
        "Volume and ledger",
        "Inputs against the reference",
        "opacity",
        "Alarms, causes and actions",
        "Budget of alarms",
        "Versions",
    ):
        assert re.search(f"<h2>{title}</h2>", reply.text), title


def test_the_table_counts_the_films_of_the_days_and_what_was_not_answered(place: Place) -> None:
    rows = rows_of(place[0], **WHOLE)
    films = value(rows, "films", "opacity")
    assert 0 < films <= DAYS * FILMS_A_DAY
    assert films % FILMS_A_DAY == 0
    counted = sum(value(rows, name, "opacity") for name in ("true_positives", "false_positives", "true_negatives", "false_negatives"))
    assert 0 < counted <= films
    assert (value(rows, "refused"), value(rows, "alarms_opened")) == (2, 1)
    sensitivity = next(row for row in rows if (row["measure"], row["finding"], row["subgroup"]) == ("sensitivity", "opacity", "all"))
    assert float(sensitivity["low"]) <= float(sensitivity["value"]) <= float(sensitivity["high"])
    assert float(sensitivity["n"]) > 0


def test_other_days_are_another_report(place: Place) -> None:
    first = rows_of(place[0], **{"from": MONDAY.date().isoformat(), "to": (MONDAY + timedelta(days=2)).date().isoformat()})
    assert (value(first, "films", "opacity"), value(first, "refused"), value(first, "alarms_opened")) == (3 * FILMS_A_DAY, 1, 0)


def test_days_without_films_say_so_in_words(place: Place) -> None:
    page = place[0].get(f"{SHEET}.html", params={"from": "2027-01-01", "to": "2027-01-31"}).text
    assert "no films of this period were counted" in page
    assert "insufficient" in page


def test_what_is_no_period_is_refused(place: Place) -> None:
    for status, address in (
        (400, f"{SHEET}.html"),
        (400, f"{SHEET}.html?from=2026-03-05&to=2026-03-01"),
        (400, f"{SHEET}.html?from=1990-01-01&to=2026-03-01"),
        (404, f"{SHEET}.exe?from=2026-03-01&to=2026-03-05"),
        (404, "/console/models/nobody/report/sheet.html?from=2026-03-01&to=2026-03-05"),
    ):
        assert place[0].get(address, headers={"Accept": "text/html"}).status_code == status, address


def test_the_page_of_reports_leads_to_each_month(place: Place) -> None:
    page = place[0].get("/console/models/chest/report").text
    address = re.search(r'href="([^"]+sheet\.html\?[^"]+)"', page)
    assert address is not None
    assert place[0].get(address[1].replace("&amp;", "&")).status_code == 200


def test_the_command_writes_the_same(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", place[1])
    asked = ["report", "--model", "chest", "--from", WHOLE["from"], "--to", WHOLE["to"]]
    out = tmp_path / "report.html"
    assert CliRunner().invoke(app, [*asked, "--out", str(out)], catch_exceptions=False).exit_code == 0
    assert out.read_text().startswith("<!doctype html>")
    table = CliRunner().invoke(app, [*asked, "--csv"], catch_exceptions=False).stdout
    assert list(csv.DictReader(io.StringIO(table))) == rows_of(place[0], **WHOLE)


def test_the_command_says_what_is_wrong(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", place[1])
    for model, first in (("nobody", "2026-03-01"), ("chest", "2027-03-01")):
        result = CliRunner().invoke(app, ["report", "--model", model, "--from", first, "--to", date(2026, 3, 5).isoformat()])
        assert result.exit_code != 0
