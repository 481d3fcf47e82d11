"""Films are drawn, looked at and read; the same form twice is one statement, and nobody reads what was not drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select

from service.config import Settings
from service.store.engine import open_engine
from service.store.tables import asked_reads, labels
from tests.api.readings import settle
from tests.api.serving import make_settings, register, serving, until_loaded
from tests.console.unread import send_unread
from tests.console.visits import Visit, enter, visiting
from tests.postgres import database

PAGE = "/console/models/chest/worklist"
FILMS, KEPT = 30, 12


@dataclass(frozen=True, slots=True)
class Ward:
    """A gateway with films that nobody has read; the first of them are kept."""

    settings: Settings
    engine: Engine
    visit: Visit
    films: list[UUID]


@pytest.fixture(scope="module")
def ward(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("ward")
    with database(server_url, migrated_template) as url:
        settings, engine = make_settings(url, folder), open_engine(url)
        register(engine, settings, folder / "package", findings=("opacity",))
        settle(engine)
        films = send_unread(engine, settings, FILMS, KEPT, logits=(0.5,))
        with serving(settings) as client, visiting(str(client.base_url)) as visit:
            until_loaded(client)
            enter(visit, settings, "reader", "read", "label")
            yield Ward(settings, engine, visit, films)
        engine.dispose()


def draw(ward: Ward, **fields: str) -> str:
    """Draw five films; the address of their list."""
    seed = re.search(r'name="seed" value="(\d+)"', ward.visit.page(PAGE))
    assert seed
    reply = ward.visit.send(f"{PAGE}/draw", on=PAGE, **{"seed": seed[1], "n": "5", **fields})
    assert reply.status_code == 303, reply.text
    return reply.headers["location"].partition("#")[0]


def of_form(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return unescape(found[1])


def action_of(page: str) -> str:
    found = re.search(r'action="([^"]+)" class="panel" data-reading', page)
    assert found
    return unescape(found[1])


def stated(ward: Ward, film: UUID) -> list[tuple[str, float | None, str | None, bool]]:
    with ward.engine.connect() as connection:
        query = select(labels.c.finding, labels.c.value, labels.c.assessment, labels.c.asked).where(labels.c.prediction == film)
        return sorted(tuple(row) for row in connection.execute(query))


def asked(ward: Ward) -> set[UUID]:
    with ward.engine.connect() as connection:
        return set(connection.scalars(select(asked_reads.c.prediction)))


def test_a_list_is_the_same_after_a_reload_and_a_form_that_is_sent_twice_draws_once(ward: Ward) -> None:
    before = asked(ward)
    page = ward.visit.page(f"{PAGE}?n=5")
    assert "What the next 5 reads would buy" in page
    assert asked(ward) == before
    seed = of_form(page, "seed")
    first, second = (ward.visit.send(f"{PAGE}/draw", on=PAGE, seed=seed, n="5").headers["location"] for _ in range(2))
    assert first == second
    assert len(asked(ward) - before) == 5
    shown = [re.sub(r'value="[^"]+"', "", ward.visit.page(first.partition("#")[0])) for _ in range(2)]
    assert shown[0] == shown[1]
    assert "0 of 5 read" in shown[0]


def test_what_a_reader_says_is_kept_once_and_the_next_film_is_shown(ward: Ward) -> None:
    address = draw(ward)
    page = ward.visit.page(address)
    action = action_of(page)
    film = UUID(action.rpartition("/")[2])
    words = {"say-opacity": "rejected", "shown_at": of_form(page, "shown_at")}
    replies = [ward.visit.send(action, on=address, **words) for _ in range(2)]
    assert [one.headers["location"].partition("#")[0] for one in replies] == [address, address]
    assert stated(ward, film) == [("opacity", 0.0, "rejected", True)]
    following = ward.visit.page(address)
    assert "1 of 5 read" in following
    assert action_of(following) != action
    again = ward.visit.page(f"{address}&film={film}")
    assert re.search(r'value="rejected" data-say="r" checked', again)


def test_who_reads_blind_is_not_told_what_the_model_says(ward: Ward) -> None:
    address = draw(ward, blind="1")
    page = ward.visit.page(address)
    assert "The model says" not in page
    action = action_of(page)
    ward.visit.send(action, on=address, **{"say-opacity": "present", "blind": "1", "shown_at": of_form(page, "shown_at")})
    assert stated(ward, UUID(action.rpartition("/")[2])) == [("opacity", 1.0, None, True)]


def test_pixels_are_shown_where_they_are_kept_to_who_may_read(ward: Ward) -> None:
    kept, other = ward.films[0], ward.films[-1]
    picture = ward.visit.get(f"/console/models/chest/films/{kept}.png")
    assert (picture.status_code, picture.headers["content-type"], picture.content[:4]) == (200, "image/png", b"\x89PNG")
    assert picture.headers["cache-control"] == "no-store"
    missing = (f"chest/films/{other}.png", f"chest/films/{uuid4()}.png", "chest/films/x.png", f"other/films/{kept}.png")
    assert [ward.visit.get(f"/console/models/{one}").status_code for one in missing] == [404] * len(missing)
    with visiting(str(ward.visit.browser.base_url)) as visit:
        enter(visit, ward.settings, "looker", "read")
        assert [visit.get(path).status_code for path in (PAGE, f"/console/models/chest/films/{kept}.png")] == [403, 403]


def test_what_cannot_be_said_is_refused(ward: Ward) -> None:
    address = draw(ward)
    page = ward.visit.page(address)
    action, at = action_of(page), of_form(page, "shown_at")
    free = next(film for film in ward.films if film not in asked(ward))
    for status, path, fields in (
        (400, action, {"shown_at": at}),
        (400, action, {"say-opacity": "<script>", "shown_at": at}),
        (400, action, {"say-opacity": "accepted"}),
        (400, action, {"say-opacity": "accepted", "shown_at": "2020-01-01T00:00:00+00:00"}),
        (400, action, {"say-opacity": "accepted", "shown_at": "2020-01-01"}),
        (404, f"{PAGE}/{free}", {"say-opacity": "accepted", "shown_at": at}),
        (404, action.replace("chest", "other"), {"say-opacity": "accepted", "shown_at": at}),
    ):
        assert ward.visit.send(path, on=address, **fields).status_code == status, fields
    assert ward.visit.send(action, on=address, **{"say-<b>": "accepted", "shown_at": at}).status_code in {400, 404}
    assert [ward.visit.get(f"{PAGE}?{query}").status_code for query in ("seed=x", "n=0", "finding=x", f"seed=1&film={uuid4()}")] == [
        400,
        400,
        404,
        404,
    ]
