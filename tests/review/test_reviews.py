"""Reviews by the real libraries, in their own processes: what they say is attached to the alarm and changes nothing about it."""

from __future__ import annotations

import hashlib
from html import escape
from pathlib import Path
from uuid import UUID

import pytest

from service.errors import LicenceError, ReviewError
from service.review import child
from service.review.child import reviewed
from service.review.confirm import confirm
from service.review.draw import draw
from service.review.report import report
from service.review.verdicts import FOLDER
from service.review.watch import review_new, reviewers
from service.store.alarms import find_alarm
from service.store.audit import entries
from service.store.blobs import fetch_blob
from service.store.models import champion
from service.store.reviews import Kind, reviews_of
from tests.review.conftest import make_alarm
from tests.worker.hospital import day


@pytest.fixture
def alarm(shifted):
    with shifted.connect() as connection:
        return make_alarm(shifted, champion(connection, "chest").id)


def quiet(_done, _what):
    pass


def test_alibi_detect_confirms_a_new_scanner_and_not_the_quiet_stretch(shifted, settings, alarm):
    told = []
    found = confirm(shifted, settings, alarm, at=day(50), tell=lambda done, what: told.append((done, what)), films=100)
    made = {f"{one.test} of {one.space}" for one in found.tests}
    assert made | set(found.left_out) == {f"{t} of {s}" for t in ("MMD", "LSDD", "classifier") for s in ("embedding", "scores", "inputs")}
    assert {"MMD of embedding", "LSDD of embedding", "classifier of embedding", "MMD of inputs"} <= made
    by_space = {space: [one for one in found.tests if one.space == space] for space in ("embedding", "scores", "inputs")}
    assert all(one.p_value <= found.level for one in by_space["inputs"])
    assert all(one.p_value > found.level for one in (*by_space["embedding"], *by_space["scores"]))
    assert found.differing_in_quiet == 0
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    with shifted.connect() as connection:
        stored = reviews_of(connection, alarm.id)[Kind.CONFIRMATION].payload
        assert find_alarm(connection, alarm.id) == alarm
        assert [entry.act.deed for entry in entries(connection)][-1] == "alarm.reviewed"
    assert (stored["licence"], stored["version"], stored["seed"]) == ("evaluation", found.version, found.seed)


def test_evidently_writes_a_page_that_needs_nothing_and_tells_no_film(shifted, settings, alarm):
    found = report(shifted, settings, alarm, at=day(50), tell=quiet, films=100)
    assert {"ManufacturerModelName", "KVP"} <= set(found.drifting)
    assert {"PatientAge", "PatientSex", "mean_level"}.isdisjoint(found.drifting)
    page = fetch_blob(settings.object_folder, FOLDER, found.sha256)
    assert hashlib.sha256(page).hexdigest() == found.sha256
    text = page.decode()
    assert f"<h1>{escape(alarm.summary)}</h1>" in text
    assert "drawDashboard" in text
    assert 'src="http' not in text


def test_without_a_word_on_its_licence_alibi_detect_is_not_started(shifted, settings, alarm):
    silent = settings.model_copy(update={"alibi_licence": "none"})
    with pytest.raises(LicenceError):
        confirm(shifted, silent, alarm, at=day(50), tell=quiet)
    assert set(reviewers(silent)) == {Kind.REPORT}
    assert set(reviewers(settings)) == {Kind.REPORT, Kind.CONFIRMATION}


def test_a_review_that_takes_too_long_or_too_much_is_ended(shifted, alarm):
    with shifted.connect() as connection:
        drawn = draw(connection, alarm, films=20)
    for seconds, memory in ((1, 6 << 30), (600, 64 << 20)):
        with pytest.raises(ReviewError), reviewed("confirm_process", drawn, quiet, seconds=seconds, memory_bytes=memory):
            pass


def test_the_worker_reviews_each_new_alarm_once_and_gives_up_what_cannot_be(shifted, settings, alarm):
    made = []

    def reviewer(_engine, _settings, alarm, *, at, tell, actor):
        made.append(alarm.id)
        raise ReviewError

    given_up: set[tuple[Kind, UUID]] = set()
    for _ in range(2):
        assert review_new(shifted, settings, {Kind.REPORT: reviewer}, given_up, lambda: day(50)) == 0
    assert made == [alarm.id]
    assert given_up == {(Kind.REPORT, alarm.id)}


def test_a_process_has_no_network_and_no_secret(shifted, alarm, monkeypatch):
    monkeypatch.setenv("STEPWEDGE_WEBHOOK_SECRET", "whsec")
    assert not any("SECRET" in name or "DATABASE" in name for name in child._environment(Path("/nowhere")))
