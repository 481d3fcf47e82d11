"""The runbook: what a tired person copies from it must work."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine, text
from typer.main import get_group

from dashboards.grafana.runbook import SOURCE, sections
from service.cli.program import app
from tests.dashboards.expressions import alerts

PARTS = ("**Means.**", "**How sure.**", "**First looks.**", "**Usual causes.**", "**Do not.**")
STATEMENTS = [statement for body in sections().values() for statement in re.findall(r"`sql: ([^`]+)`", body)]
FILLED = {"'MODEL'": "'chest'", "= ID": "= 1", "'ID'": "'019cabe6-6400-7000-8000-000000000000'", "'BEGIN'": "'2026-03-02T00:00Z'"}


def test_there_is_one_section_for_each_alert() -> None:
    assert list(sections()) == list(alerts())


@pytest.mark.parametrize("alert", sorted(sections()))
def test_a_section_answers_the_five_questions_with_three_first_looks(alert: str) -> None:
    body = sections()[alert]
    places = [body.index(part) for part in PARTS]
    assert places == sorted(places)
    assert re.findall(r"^(\d)\. ", body, flags=re.MULTILINE) == ["1", "2", "3"]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_runs_on_the_database_as_it_is(statement: str, engine: Engine) -> None:
    for placeholder, value in FILLED.items():
        statement = statement.replace(placeholder, value)
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_statements_only_read_but_for_those_that_send_again() -> None:
    writing = [statement for statement in STATEMENTS if not statement.startswith("select")]
    assert [statement.split()[:2] for statement in writing] == 2 * [["update", "outbox"]]


def test_commands_exist() -> None:
    named = set(re.findall(r"`stepwedge (\w+)", SOURCE.read_text()))
    assert named
    assert named <= set(get_group(app).commands)
