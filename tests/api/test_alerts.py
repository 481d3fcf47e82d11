"""What Alertmanager and Grafana send is stored once, tied to the alarm, and nothing but our own labels is kept."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from service.domain import Alarm
from service.store.alarms import clear_alarm, open_alarm
from service.store.ids import uuid7
from service.store.models import champion
from service.store.references import save_reference
from tests.api.serving import until
from tests.callers import AUTHORIZED
from tests.components import component
from tests.ports import free_port

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
LABELS = {
    "alertname": "StepwedgeModelAlarm",
    "severity": "page",
    "model": "chest",
    "version": "1",
    "family": "inputs",
    "kind": "acquisition",
}


def make_alert(**changes: Any) -> dict[str, Any]:
    base = {
        "status": "firing",
        "labels": LABELS,
        "annotations": {"summary": "anything"},
        "startsAt": "2026-03-02T15:30:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": "d72d6a2cd1f0bd3f",
    }
    return {**base, **changes}


def send(client: httpx.Client, *alerts: dict[str, Any]) -> dict[str, int]:
    reply = client.post("/v1/alerts", json={"version": "4", "status": "firing", "groupLabels": {}, "alerts": list(alerts)})
    assert reply.status_code == 200, reply.text
    counts: dict[str, int] = reply.json()
    return counts


@pytest.fixture
def alarm(client: httpx.Client, engine: Engine) -> Alarm:
    """An alarm of the model that is served, open."""
    with engine.begin() as connection:
        version = champion(connection, "chest").id
        reference = save_reference(connection, version, since=MONDAY, until=MONDAY, built_at=MONDAY, payload=b"").id
        alarm = make_alarm(version, reference)
        open_alarm(connection, alarm)
    return alarm


def make_alarm(version: int, reference: int, days: int = 0) -> Alarm:
    at = MONDAY + timedelta(days=days)
    return Alarm(uuid7(at), version, reference, "acquisition", "inputs", "all", at, at, None, 1.7, "A scanner is new.")


def test_an_alert_that_is_sent_again_is_the_same_alert(client: httpx.Client) -> None:
    assert send(client, make_alert()) == {"received": 1, "new": 1, "linked": 0}
    assert send(client, make_alert(), make_alert()) == {"received": 2, "new": 0, "linked": 0}
    assert send(client, make_alert(startsAt="2026-03-03T15:30:00Z"))["new"] == 1, "it fires anew"
    assert len(client.get("/v1/alerts").json()) == 2


def test_an_alert_is_tied_to_the_alarm_that_it_speaks_of(client: httpx.Client, alarm: Alarm) -> None:
    assert send(client, make_alert())["linked"] == 1
    (one,) = client.get("/v1/alerts", params={"model": "chest"}).json()
    assert one["alarm"] == str(alarm.id)
    assert client.get("/v1/alerts", params={"model": "other"}).json() == []


def test_the_open_alarm_goes_before_one_that_is_over(client: httpx.Client, engine: Engine, alarm: Alarm) -> None:
    with engine.begin() as connection:
        clear_alarm(connection, alarm.id, MONDAY)
        later = make_alarm(alarm.model_version, alarm.reference, days=9)
        open_alarm(connection, later)
    send(client, make_alert())
    assert client.get("/v1/alerts").json()[0]["alarm"] == str(later.id)


def test_once_resolved_a_late_word_that_it_fires_changes_nothing(client: httpx.Client) -> None:
    send(client, make_alert(status="resolved", endsAt="2026-03-02T16:00:00Z"))
    send(client, make_alert())
    (one,) = client.get("/v1/alerts").json()
    assert one["ends_at"] == "2026-03-02T16:00:00Z"


def test_a_resolved_alert_without_an_end_has_ended(client: httpx.Client) -> None:
    send(client, make_alert(status="resolved"))
    assert client.get("/v1/alerts").json()[0]["ends_at"] is not None


def test_grafanas_own_fields_are_not_looked_at(client: httpx.Client) -> None:
    alert = make_alert(values={"A": 1.7}, silenceURL="http://grafana.example", dashboardURL="", panelURL="", valueString="[ A=1.7 ]")
    reply = client.post("/v1/alerts", json={"receiver": "stepwedge", "orgId": 1, "state": "alerting", "title": "x", "alerts": [alert]})
    assert reply.json() == {"received": 1, "new": 1, "linked": 0}


def test_only_labels_of_our_own_rules_are_kept(client: httpx.Client) -> None:
    send(client, make_alert(labels={**LABELS, "patient": "Doe^Jane", "site": "n" * 900, "feature": "a\x00b"}))
    (one,) = client.get("/v1/alerts").json()
    assert one["labels"] == {**LABELS, "site": "n" * 200, "feature": "a?b"}


def test_alerts_without_a_fingerprint_are_told_apart_by_their_labels(client: httpx.Client) -> None:
    one, other = make_alert(), make_alert(labels={**LABELS, "kind": "both"})
    for alert in (one, other):
        del alert["fingerprint"]
    assert send(client, one, other)["new"] == 2
    assert send(client, other, one)["new"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "burning"},
        {"startsAt": "yesterday"},
        {"startsAt": "2026-03-02T15:30:00"},
        {"startsAt": "0001-01-01T00:00:00+14:00"},
        {"labels": {f"l{number}": "" for number in range(65)}},
        {"labels": {"model": 3}},
        {"fingerprint": "not hex"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_is_no_alert_is_refused_without_repeating_it(shared: httpx.Client, wrong: dict[str, Any]) -> None:
    reply = shared.post("/v1/alerts", json={"alerts": [make_alert(**wrong)]})
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert "burning" not in reply.text
    assert "yesterday" not in reply.text


@contextmanager
def alertmanager(webhook: str, folder: Path) -> Iterator[httpx.Client]:
    """A real Alertmanager that sends everything to one webhook."""
    config, port = folder / "alertmanager.yml", free_port()
    config.write_text(
        "route: {receiver: stepwedge, group_wait: 0s, group_interval: 1s, repeat_interval: 1s, group_by: [alertname]}\n"
        f"receivers: [{{name: stepwedge, webhook_configs: [{{url: '{webhook}', send_resolved: true, http_config: "
        f"{{authorization: {{credentials: '{AUTHORIZED['Authorization'].split()[1]}'}}}}}}]}}]\n"
    )
    command = [
        str(component("prometheus-alertmanager")),
        f"--config.file={config}",
        f"--storage.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                until(lambda: _ready(client))
                yield client
        finally:
            process.terminate()


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_a_real_alertmanager_repeats_itself_and_is_counted_once(client: httpx.Client, alarm: Alarm, tmp_path: Path) -> None:
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    began = datetime.now(UTC)

    def tell(manager: httpx.Client, ends: datetime) -> None:
        body = [{"labels": LABELS, "startsAt": began.isoformat(), "endsAt": ends.isoformat()}]
        assert manager.post("/api/v2/alerts", json=body).status_code == 200

    with alertmanager(str(client.base_url.join("/v1/alerts")), folder) as manager:
        tell(manager, began + timedelta(hours=1))
        until(lambda: len(client.get("/v1/alerts").json()) == 1)
        tell(manager, datetime.now(UTC))
        until(lambda: client.get("/v1/alerts").json()[0]["ends_at"] is not None)
    (one,) = client.get("/v1/alerts").json()
    assert one["labels"] == LABELS
    assert one["alarm"] == str(alarm.id)
