"""A model's own page and the page of an alarm, which is acknowledged there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import httpx
import pytest
from sqlalchemy import Engine

from detectors.measurement import Verdict
from detectors.readings import Readings
from service.config import Settings
from service.store.alarms import open_alarm
from service.store.audit import entries
from service.store.measurements import save_measurements
from service.store.models import champion
from service.store.references import active_reference
from tests.api.readings import settle
from tests.api.serving import until
from tests.api.test_monitoring import make_alarm, make_measurement
from tests.console.visits import key_of, visiting

HOSTILE = "<script>alert(1)</script>\"'; drop table alarms; --"


@pytest.fixture
def alarm(client: httpx.Client, engine: Engine) -> str:
    """The address of an open alarm whose words are hostile."""
    settle(engine)
    with engine.begin() as connection:
        version = champion(connection, "chest").id
        stored = active_reference(connection, version)
        assert stored is not None
        made = make_alarm(version, stored.id)
        open_alarm(connection, replace(made, summary=HOSTILE, carriers=(replace(made.carriers[0], bin=HOSTILE, cell=f"site={HOSTILE}"),)))
    return f"/console/models/chest/alarms/{made.id}"


def test_the_model_says_that_it_is_not_well_and_leads_to_the_alarm(client: httpx.Client, alarm: str) -> None:
    page = client.get("/console/models/chest")
    assert page.status_code == 200, page.text[:2000]
    assert "No: 1 alarm open" in page.text
    assert alarm in page.text
    assert "<script>alert" not in page.text


def test_each_subgroup_outside_its_limits_is_named_once(client: httpx.Client, engine: Engine, alarm: str) -> None:
    """What several detectors say of a subgroup is stored in parts, each with words of its own."""
    outside = replace(make_measurement("auroc", cell="site=north"), verdict=Verdict.BREACHED)
    joined = Readings.joined([[outside], [replace(outside, name="brier_score")]])
    with engine.begin() as connection:
        stored = active_reference(connection, champion(connection, "chest").id)
        assert stored is not None
        save_measurements(connection, stored.id, date(2026, 3, 2), {30: joined})
    assert client.get("/console/models/chest").text.count("site = north</a>") == 1


def test_hostile_words_of_an_alarm_are_text(client: httpx.Client, alarm: str) -> None:
    page = client.get(alarm)
    assert page.status_code == 200, page.text[:2000]
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text
    assert client.get(f"{alarm}/report").status_code == 404


def test_who_may_operate_acknowledges_and_who_may_only_look_does_not(
    client: httpx.Client, settings: Settings, engine: Engine, alarm: str
) -> None:
    url = str(settings.database_url)
    looker, operator = key_of(url, "looker", "read"), key_of(url, "operator", "read", "operate")
    with visiting(str(client.base_url)) as visit:
        until(lambda: "failed" not in visit.log_in(looker).headers["location"])
        assert visit.send(f"{alarm}/acknowledge", on=alarm, reason="seen").status_code == 403
        visit.browser.cookies.clear()
        until(lambda: "failed" not in visit.log_in(operator).headers["location"])
        assert visit.send(f"{alarm}/acknowledge", on=alarm, reason=" ").status_code == 400
        assert visit.send(f"{alarm}/acknowledge", on=alarm, reason=HOSTILE).status_code == 303
        page = visit.page(alarm)
    assert "operator" in page
    assert "<script>alert" not in page
    with engine.connect() as connection:
        said = [entry.act.actor for entry in entries(connection) if entry.act.deed == "alarm.acknowledged"]
    assert said == ["operator"]


def test_a_model_that_is_not_watched_says_what_to_do(client: httpx.Client) -> None:
    assert "stepwedge reference build chest" in client.get("/console/models/chest").text
    assert client.get("/console/models/none").status_code == 404
    assert client.get("/console/models/chest/alarms/none").status_code == 404
