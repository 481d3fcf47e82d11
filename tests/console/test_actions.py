"""Everything that a person may do, done in a real browser with mouse and keyboard; the browser has nothing to complain of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page
from sqlalchemy import Engine, func, select

from detectors.decision import Decision
from service.console.visitor import SESSION_COOKIE
from service.store.alarms import open_alarm
from service.store.engine import open_engine
from service.store.ids import uuid7
from service.store.models import champion
from service.store.references import active_reference
from service.store.remedies import Remedy, State, find_remedy, open_remedy
from service.store.tables import labels
from service.store.worklist import Asked, ask
from tests.api.readings import END, settle
from tests.api.serving import make_settings, register, serving, until_loaded
from tests.api.test_monitoring import make_alarm
from tests.components import component
from tests.console.faults import Watched
from tests.console.looking import Look, browsing, window
from tests.console.test_remedies import challenge
from tests.console.unread import send_unread
from tests.console.visits import enter, visiting
from tests.postgres import database
from tests.processes import children

SEED = 7


class Desk:
    """A tab of who may do everything, and the store behind the service."""

    def __init__(self, engine: Engine, tab: Watched) -> None:
        self.engine = engine
        self.tab = tab

    @property
    def page(self) -> Page:
        return self.tab.page

    def open(self, path: str) -> None:
        self.tab.visit(path)

    def decide(self, button: str, reason: str) -> None:
        """Give the reason that a form asks for, and press its button."""
        form = self.page.locator("form", has=self.page.get_by_role("button", name=button, exact=True))
        form.locator("textarea").fill(reason)
        with self.page.expect_navigation():
            form.get_by_role("button", name=button, exact=True).click()
        assert self.tab.faults(barriers_too=False) == []
        assert reason in self.page.inner_text("main")

    def download(self, link: str) -> str:
        with self.page.expect_download() as begun:
            self.page.get_by_role("link", name=link, exact=True).first.click()
        return begun.value.path().read_text()

    def propose(self, family: str, ago: int) -> tuple[str, Remedy]:
        """An open alarm and what it asks for: the alarm's address and the remedy."""
        with self.engine.begin() as connection:
            version = champion(connection, "chest")
            stored = active_reference(connection, version.id)
            assert stored is not None
            alarm = make_alarm(version.id, stored.id, family=family)
            open_alarm(connection, alarm)
            at = END - timedelta(days=ago)
            remedy = Remedy(uuid7(at), alarm.id, "recalibrate", State.PROPOSED, at, model_version=version.id)
            assert open_remedy(connection, remedy)
        return f"/console/models/chest/alarms/{alarm.id}", remedy

    def state(self, remedy: Remedy) -> str:
        with self.engine.connect() as connection:
            found = find_remedy(connection, remedy.id)
        assert found is not None
        return str(found.state)


@pytest.fixture(scope="module")
def desk(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder, before = tmp_path_factory.mktemp("desk"), set(children(os.getpid()))
    with database(server_url, migrated_template) as url, browsing(component("chromium")) as browser:
        settings, engine = make_settings(url, folder), open_engine(url)
        register(engine, settings, folder / "package")
        settle(engine)
        with serving(settings) as client, visiting(str(client.base_url)) as visit:
            until_loaded(client)
            films = send_unread(engine, settings, 2, kept=2)
            with engine.begin() as connection:
                ask(connection, champion(connection, "chest").id, SEED, [Asked(film, 0.5, "doubt") for film in films], END)
            enter(visit, settings, "operator", "read", "label", "operate")
            with window(browser, str(client.base_url), Look("light", 1280), session=visit.browser.cookies[SESSION_COOKIE]) as context:
                yield Desk(engine, Watched(context))
        engine.dispose()
    assert not {pid: call for pid, call in children(os.getpid()).items() if pid not in before and call}


def test_films_are_read_by_the_keyboard_alone(desk: Desk) -> None:
    desk.open(f"/console/models/chest/worklist?seed={SEED}")
    assert desk.page.evaluate("document.querySelector('img.film').naturalWidth") == 64
    for key in "as":
        desk.page.keyboard.press(key)
    assert desk.page.evaluate("document.activeElement.textContent") == "Keep, and the next"
    with desk.page.expect_navigation():
        desk.page.keyboard.press("Enter")
    assert "1 of 2 read" in desk.page.inner_text("main")
    with desk.page.expect_navigation():
        desk.page.get_by_text("Read without knowing").click()
    for key in "pu":
        desk.page.keyboard.press(key)
    with desk.page.expect_navigation():
        desk.page.keyboard.press("Enter")
    assert "All films of this list are read" in desk.page.inner_text("main")
    assert desk.tab.faults(barriers_too=False) == []
    with desk.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(labels).where(labels.c.asked)) == 4


def test_an_alarm_is_acknowledged_and_its_remedy_approved(desk: Desk) -> None:
    alarm, remedy = desk.propose("inputs", 1)
    desk.open(alarm)
    desk.decide("Acknowledge", "the physicist was told")
    desk.open(f"/console/remedies/{remedy.id}")
    desk.decide("Approve", "labels are mature")
    assert desk.state(remedy) == State.APPROVED


def test_a_challenger_is_promoted_and_rolled_back(desk: Desk) -> None:
    _, remedy = desk.propose("truth", 2)
    challenge(desk.engine, remedy.id, Decision.PASS, "3")
    desk.open(f"/console/remedies/{remedy.id}")
    desk.decide("Promote", "it passed everywhere")
    assert desk.state(remedy) == State.PROMOTED
    desk.decide("Roll back", "readers complain")
    assert desk.state(remedy) == State.ROLLED_BACK


def test_what_is_shown_is_taken_along_as_files(desk: Desk) -> None:
    desk.open("/console/models/chest/calibration?window=10")
    assert "<svg" in desk.download("SVG")
    assert "," in desk.download("CSV")
    with desk.page.expect_download() as begun:
        desk.page.get_by_role("button", name="PNG", exact=True).first.click()
    assert begun.value.suggested_filename.endswith(".png")
    assert begun.value.path().read_bytes()[:4] == b"\x89PNG"
    assert desk.tab.faults(barriers_too=False) == []
    desk.open("/console/audit")
    assert '"deed": "session.opened"' in desk.download("NDJSON")
    desk.page.get_by_role("button", name="Verify", exact=True).click()
    desk.page.get_by_text("Verified up to row").wait_for()
    assert desk.tab.faults(barriers_too=False) == []
