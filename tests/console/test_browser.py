"""Every page in a real browser: nothing is refused, nothing sticks out, everybody can read it, with a script and without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from detectors.measurement import Interval, Measurement, Verdict
from service.console.pages import PAGES
from service.console.visitor import SESSION_COOKIE
from service.store.alarms import open_alarm
from service.store.engine import open_engine
from service.store.ids import uuid7
from service.store.measurements import save_measurements
from service.store.models import champion
from service.store.references import active_reference
from service.store.remedies import Remedy, State, open_remedy
from service.store.worklist import Asked, ask
from tests.api.readings import END, MONDAY, settle
from tests.api.serving import make_settings, register, serving, until_loaded
from tests.api.test_monitoring import make_alarm
from tests.components import component
from tests.console.addresses import addresses
from tests.console.faults import Watched
from tests.console.looking import LOOKS, Look, browsing, window
from tests.console.test_remedies import challenge
from tests.console.test_story import leave_note
from tests.console.unread import send_unread
from tests.console.visits import enter, visiting
from tests.postgres import database
from tests.processes import children

DESK, PHONE = Look("light", 1280), Look("light", 390)
MEASURED = (DESK, Look("dark", 390))
"""Where axe looks: it takes longest, and these are both themes and both widths."""
NAMES = [*(page.name for page in PAGES), "reading", "sheet"]
SEED = 7
FOCUSED = """
() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const seen = box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  return [one.textContent.trim(), seen, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A browser, the service that it looks at, and the session of who may do everything there."""

    browser: Browser
    service: str
    pages: dict[str, str]
    session: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program, before = component("chromium"), set(children(os.getpid()))
    with browsing(program) as browser:
        yield browser
    assert not {pid: call for pid, call in children(os.getpid()).items() if pid not in before and call}


@pytest.fixture(scope="module")
def shown(browser: Browser, server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A service whose model has a reference, films after it, ten days of readings and an open alarm; and a model that is not watched."""
    folder = tmp_path_factory.mktemp("browser")
    with database(server_url, migrated_template) as url:
        settings, engine = make_settings(url, folder), open_engine(url)
        register(engine, settings, folder / "package")
        register(engine, settings, folder / "other", name="unwatched", seed=1)
        settle(engine)
        alarm, remedy = fill(engine)
        films = send_unread(engine, settings, 4, kept=2)
        leave_note(engine, settings.data_dir)
        with engine.begin() as connection:
            ask(connection, champion(connection, "chest").id, SEED, [Asked(film, 0.5, "doubt") for film in films], END)
        engine.dispose()
        with serving(settings) as client:
            until_loaded(client)
            pages = addresses({"model": "chest", "alarm": alarm, "remedy": remedy}, (MONDAY.date(), END.date()))
            pages["reading"] = f"{pages['worklist']}?seed={SEED}"
            with visiting(str(client.base_url)) as visit:
                enter(visit, settings, "operator", "read", "label", "operate")
                session = visit.browser.cookies[SESSION_COOKIE]
            yield Shown(browser, str(client.base_url), pages, session)


def fill(engine: Engine) -> tuple[str, str]:
    """Ten days of readings, an open alarm, and its remedy with a challenger; the ids of the two."""
    with engine.begin() as connection:
        version = champion(connection, "chest")
        stored = active_reference(connection, version.id)
        assert stored is not None
        for ago in range(10):
            day = (END - timedelta(days=ago + 1)).date()
            slope = Measurement("calibration_slope", 0.9, 300, Interval(0.8, 1.0), 0.7, Verdict.WITHIN, finding="opacity")
            outside = Measurement("auroc", 0.7, 300, Interval(0.6, 0.8), 0.85, Verdict.BREACHED, finding="opacity", cell="site=north")
            poor = Measurement.insufficient("sensitivity", 3, "10 positives needed", finding="opacity")
            save_measurements(connection, stored.id, day, {30: [slope, outside, poor]})
        alarm = make_alarm(version.id, stored.id)
        open_alarm(connection, alarm)
        remedy = Remedy(uuid7(END), alarm.id, "recalibrate", State.PROPOSED, END, model_version=version.id)
        assert open_remedy(connection, remedy)
    challenge(engine, remedy.id)
    return str(alarm.id), str(remedy.id)


@pytest.fixture(scope="module")
def tab(shown: Shown) -> Iterator[Watched]:
    """One tab with scripts, for test after test."""
    with window(shown.browser, shown.service, DESK, session=shown.session) as context:
        yield Watched(context)


@pytest.fixture(scope="module")
def plain(shown: Shown) -> Iterator[Page]:
    """One tab without scripts."""
    with window(shown.browser, shown.service, DESK, scripts=False, session=shown.session) as context:
        yield context.new_page()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_in_every_look_and_reads_the_same_without_a_script(shown: Shown, tab: Watched, plain: Page, name: str) -> None:
    tab.visit(shown.pages[name])
    found = {}
    for look in LOOKS:
        tab.turn(look)
        found[str(look)] = tab.faults(barriers_too=look in MEASURED)
    assert {look: faults for look, faults in found.items() if faults} == {}
    plain.goto(shown.pages[name])
    assert headings(plain) == headings(tab.page) != []


def headings(page: Page) -> list[str]:
    return [one.strip() for one in page.locator("h1, h2, h3").all_text_contents()]


@pytest.mark.parametrize("name", ["model", "performance"])
def test_a_model_that_is_not_watched_is_whole_on_a_telephone(tab: Watched, name: str) -> None:
    tab.turn(PHONE)
    tab.visit(f"/console/models/unwatched{'' if name == 'model' else f'/{name}'}")
    assert tab.faults() == []


def test_each_fault_would_be_found(shown: Shown, tab: Watched) -> None:
    tab.turn(DESK)
    tab.visit(shown.pages["fleet"])
    assert tab.faults() == []
    with tab.page.expect_response("**/nothing.png"):
        tab.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p><img src=/nothing.png>')")
    tab.page.evaluate("document.querySelector('main').style.width = '3000px'")
    tab.page.evaluate("console.error('a complaint')")
    told = "\n".join(tab.faults())
    for fault in ("a complaint", "refused: style-src", "too wide", "axe: image-alt", "404"):
        assert fault in told, fault


def test_the_keyboard_reaches_the_content_and_one_sees_where_one_is(shown: Shown) -> None:
    with window(shown.browser, shown.service, PHONE) as context:
        page = context.new_page()
        page.goto(shown.pages["model"])
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) == ["To the content", True, True]
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        for _ in range(6):
            page.keyboard.press("Tab")
            text, visible, ringed = page.evaluate(FOCUSED)
            assert (visible, ringed) == (True, True), text


def test_single_keys_lead_about_and_can_be_switched_off(shown: Shown) -> None:
    with window(shown.browser, shown.service, DESK) as context:
        page = context.new_page()
        page.goto(shown.pages["model"])
        page.keyboard.press("?")
        assert page.locator("dialog#keys").is_visible()
        page.locator("#keys-on").uncheck()
        page.keyboard.press("Escape")
        assert not page.locator("dialog#keys").is_visible()
        page.keyboard.press("?")
        assert not page.locator("dialog#keys").is_visible()
