"""The page Service: what became of every request, as a picture; what the doctor says, for who may operate."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
from sqlalchemy import Engine

from service.config import Settings
from service.console.charts.durations import durations
from service.store.ledgers import Counts, Page, save_page
from tests.api.serving import DICOM
from tests.console.visits import enter, visiting
from tests.films import make_film

SHORT = Counts(received=12, recorded=0, replayed=1, spooled=3, unrecorded=1, refused=2, failed=1, in_progress=2)
"""Two that came have no end."""


def say(engine: Engine, counts: Counts, *, ago: timedelta = timedelta(0)) -> str:
    process, seen = uuid4(), datetime.now(UTC) - ago
    with engine.begin() as connection:
        save_page(connection, Page(process, seen, seen, None, counts))
    return str(process)


def rows_of(page: str, heading: str) -> list[str]:
    """The text of each row of the table below a heading."""
    table = page.split(f'id="{heading}"')[1].split("</section>", maxsplit=1)[0].split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in table.split("</tr>") if "<t" in row]


def test_a_request_without_an_end_is_seen_in_the_picture_and_in_the_words(client: httpx.Client, engine: Engine) -> None:
    client.post("/v1/models/chest/predictions", content=make_film(), headers=DICOM)
    process = say(engine, SHORT, ago=timedelta(hours=1))
    page = client.get("/console/service").text
    assert "Requests are missing from the books" in page
    row = next(one for one in rows_of(page, "gateways") if one.startswith(process[:8]))
    assert "does not balance" in row
    table = client.get("/console/service/figures/ledger.csv").text
    for line in ("unaccounted,2,bad", "unrecorded,1,bad", "spooled,3,held"):
        assert line in table


def test_answers_in_the_spool_of_a_gateway_that_is_gone_are_told(client: httpx.Client, engine: Engine) -> None:
    whole = Counts(received=3, recorded=0, replayed=0, spooled=3, unrecorded=0, refused=0, failed=0, in_progress=0)
    process = say(engine, whole, ago=timedelta(hours=1))
    row = next(one for one in rows_of(client.get("/console/service").text, "gateways") if one.startswith(process[:8]))
    assert "gone, with a spool" in row
    assert row.endswith("3")


def test_what_the_doctor_says_is_for_who_may_operate(client: httpx.Client, engine: Engine, settings: Settings) -> None:
    say(engine, SHORT)
    with visiting(str(client.base_url)) as visit:
        guest = visit.page("/console/service")
        assert "shown to who may operate" in guest
        assert str(settings.data_dir) not in guest
        enter(visit, settings, "operator", "read", "operate")
        said = {row.split()[0]: row for row in rows_of(visit.page("/console/service"), "doctor")}
    assert "the books do not balance" in said["gateways"]
    assert "connections in use" in said["postgres"]
    assert {"disk", "clocks", "watch", "outbox"} <= said.keys()


def test_half_and_the_slowest_of_the_answers_are_told() -> None:
    figure = durations("latency", "How long", [10.0] * 98 + [0.2, 50_000.0])
    assert "half took at most 10 ms" in figure.description
    assert [row[2] for row in figure.table.rows if row[2]] == [1, 98, 1]
