"""Inputs, calibration, performance and subgroups: what they say follows from the store, and every drawing can be had as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
from sqlalchemy import Engine

from detectors.measurement import Interval, Measurement, Verdict
from service.console.pages import FIGURED
from service.store.engine import open_engine
from service.store.measurements import last_reading, readings_between, save_measurements
from service.store.models import champion
from service.store.references import active_reference
from service.store.snapshots import save_snapshot
from tests.api.readings import END, settle
from tests.api.serving import make_settings, register, serving, until_loaded
from tests.postgres import database

ROOT = "/console/models/chest"
DRAWN = sorted(set(FIGURED) - {"overview", "service"})
"""Pages of a model; the overview is its first page, and the service is of all models (test_service.py)."""


@pytest.fixture(scope="module")
def looked_at(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Engine]]:
    """A gateway whose model has a reference, films after it, and ten days of readings."""
    folder: Path = tmp_path_factory.mktemp("pages")
    with database(server_url, migrated_template) as url:
        settings, engine = make_settings(url, folder), open_engine(url)
        register(engine, settings, folder / "package")
        settle(engine)
        read_ten_days(engine)
        with serving(settings) as client:
            until_loaded(client)
            yield client, engine
        engine.dispose()


@pytest.fixture
def pages(looked_at: tuple[httpx.Client, Engine]) -> httpx.Client:
    return looked_at[0]


def read_ten_days(engine: Engine) -> None:
    with engine.begin() as connection:
        stored = active_reference(connection, champion(connection, "chest").id)
        assert stored is not None
        for ago in range(10):
            slope = Measurement("calibration_slope", 0.9, 300 + ago, Interval(0.8, 1.0), 0.7, Verdict.WITHIN, finding="opacity")
            poor = Measurement.insufficient("sensitivity", 3, "10 positives needed", finding="opacity")
            labelled = Measurement("label_completeness_14d", 0.75, 400, Interval(0.7, 0.8), 0.6, Verdict.WITHIN, finding="opacity")
            save_measurements(connection, stored.id, (END - timedelta(days=ago + 1)).date(), {30: [slope, poor, labelled]})


@pytest.mark.parametrize("name", DRAWN)
def test_a_page_is_small_has_a_choice_and_drawings_with_their_files(pages: httpx.Client, name: str) -> None:
    reply = pages.get(f"{ROOT}/{name}", params={"window": 10})
    assert (reply.status_code, len(reply.content) < 300_000) == (200, True)
    assert not re.search(r"\sstyle=|<style|\sNaN\b", reply.text)
    files = re.findall(r'href="([^"]+)" download', reply.text)
    assert len(files) == 2 * reply.text.count('<svg viewBox="0 0 400') > 0
    for address in files[:6]:
        served = pages.get(address.replace("&amp;", "&"))
        assert served.status_code == 200, address
        assert served.headers["content-disposition"].startswith('attachment; filename="chest-')
        if ".svg" in address:
            assert ET.fromstring(served.text).attrib["role"] == "img"
            assert "'unsafe" not in served.headers["content-security-policy"]
        else:
            assert len(list(csv.reader(io.StringIO(served.text)))) > 1


def test_the_files_of_a_choice_are_of_that_choice(pages: httpx.Client) -> None:
    whole, south = (
        pages.get(f"{ROOT}/calibration/figures/reliability.csv", params={"window": 10, **more}).text
        for more in ({}, {"cell": "site=south"})
    )
    assert whole != south


def test_numbers_of_the_past_come_with_their_n_and_insufficient_ones_say_so(pages: httpx.Client) -> None:
    slopes = list(csv.DictReader(io.StringIO(pages.get(f"{ROOT}/calibration/figures/calibration-slope.csv").text)))
    assert [row["n"] for row in slopes] == [str(300 + ago) for ago in reversed(range(10))]
    assert slopes[-1]["day"] == (END - timedelta(days=1)).date().isoformat()
    page = pages.get(f"{ROOT}/performance").text
    assert "10 positives needed" in page
    assert "insufficient" in page
    complete = list(csv.DictReader(io.StringIO(pages.get(f"{ROOT}/performance/figures/completeness.csv").text)))
    assert {row["value"] for row in complete} == {"0.75"}


def test_what_is_not_there_is_a_page_that_says_so(pages: httpx.Client) -> None:
    for status, address in (
        (404, "/console/models/nobody/inputs"),
        (404, f"{ROOT}/inputs?cell=site%3Dmoon"),
        (404, f"{ROOT}/calibration?finding=%3Cscript%3E"),
        (400, f"{ROOT}/inputs?window=x"),
        (400, f"{ROOT}/inputs?until=2026-02-30"),
        (400, f"{ROOT}/inputs?until=0001-01-01"),
        (404, f"{ROOT}/inputs/figures/nothing.svg"),
        (404, f"{ROOT}/inputs/figures/attribute-KVP.exe"),
        (404, f"{ROOT}/moon/figures/attribute-KVP.svg"),
    ):
        reply = pages.get(address, headers={"Accept": "text/html"})
        assert reply.status_code == status, address
        assert "<script>" not in reply.text


def test_an_attribute_can_be_drawn_alone_and_the_others_in_parts(pages: httpx.Client) -> None:
    alone = pages.get(f"{ROOT}/inputs", params={"attribute": "KVP"}).text
    assert alone.count("<figure") == 1
    first = pages.get(f"{ROOT}/inputs").text
    assert "KVP" in first
    assert re.search(r"\d+ of \d+ attributes differ beyond their limit", first)


def test_an_earlier_day_shows_the_films_up_to_it(pages: httpx.Client) -> None:
    for name in DRAWN:
        assert pages.get(f"{ROOT}/{name}", params={"until": END.date().isoformat(), "cell": "site=south"}).status_code == 200, name
    page = pages.get(f"{ROOT}/inputs", params={"until": (END - timedelta(days=15)).date().isoformat(), "window": 90}).text
    assert "600 films" in page


def test_readings_of_a_stretch_are_read_in_steps_that_end_with_its_last(looked_at: tuple[httpx.Client, Engine]) -> None:
    with looked_at[1].connect() as connection:
        stored = active_reference(connection, champion(connection, "chest").id)
        assert stored is not None
        last = last_reading(connection, stored.id, 30, END.date())
        assert last == (END - timedelta(days=1)).date()
        found = readings_between(connection, stored.id, 30, last - timedelta(days=7), last, every=3)
    assert [(last - one.as_of).days for one in found] == [6, 3, 0]


def test_without_a_reference_every_page_says_that(client: httpx.Client) -> None:
    for name in DRAWN:
        page = client.get(f"{ROOT}/{name}")
        assert page.status_code == 200
        assert "the model has no reference yet" in page.text


def test_what_a_pass_left_is_shown_until_the_next(looked_at: tuple[httpx.Client, Engine]) -> None:
    client, engine = looked_at

    def last_n() -> str:
        return list(csv.DictReader(io.StringIO(client.get(f"{ROOT}/calibration/figures/calibration-slope.csv").text)))[-1]["n"]

    before = last_n()
    with engine.begin() as connection:
        version = champion(connection, "chest")
        stored = active_reference(connection, version.id)
        assert stored is not None
        slope = Measurement("calibration_slope", 0.9, 777, Interval(0.8, 1.0), 0.7, Verdict.WITHIN, finding="opacity")
        save_measurements(connection, stored.id, (END - timedelta(days=1)).date(), {30: [slope]})
    assert last_n() == before
    with engine.begin() as connection:
        save_snapshot(
            connection, version.id, until=END, computed_at=END + timedelta(hours=1), payload={"reference": stored.id, "format": 0}
        )
    assert last_n() == "777"
