"""What the person who installed it reads is true of what was installed."""

from __future__ import annotations

import re

import pytest

from tests.helm.chart import Helm, Release, values

KINDS = {"service": "Service", "deployment": "Deployment", "job": "Job"}


def test_every_object_in_the_notes_exists(release: Release) -> None:
    made = {(m["kind"], m["metadata"]["name"]) for m in release.manifests}
    named = re.findall(r"\b(service|deployment|job)/([a-z0-9-]+)", release.notes)
    assert named
    assert {(KINDS[kind], name) for kind, name in named} <= made


@pytest.mark.parametrize(
    ("name", "said", "unsaid"),
    [
        ("minimal", "Nobody is woken yet", "PrometheusRule"),
        ("minimal", "Nothing scrapes it yet", "(ServiceMonitor"),
        ("minimal", "Remedy requests stay in the database", "https://"),
        ("minimal", "Anybody may reach the port", "is set and networkPolicy.monitoring is not"),
        ("single", "stepwedge migrate", "job/"),
        ("monitoring", "external labels stepwedge_runbook and stepwedge_grafana", "Nobody is woken yet"),
        ("closed-network", "Prometheus cannot scrape the gateway", "Anybody may reach the port"),
        ("everything", "https://stepwedge.example/v1/models/MODEL/predictions", "Prometheus cannot scrape the gateway"),
        ("everything", "Callers show a key", "Remedy requests stay in the database"),
        ("tls", "Callers show a key", "it speaks plain HTTP"),
        ("minimal", "are lost with it", "it speaks HTTPS"),
        ("inbox", "Callers show a key", "are lost with it"),
    ],
)
def test_the_notes_say_what_this_release_lacks_and_no_more(helm: Helm, name: str, said: str, unsaid: str) -> None:
    notes = helm.render(values(name)).notes
    assert said in notes
    assert unsaid not in notes


def test_the_port_that_is_forwarded_is_the_services_own(helm: Helm) -> None:
    assert "service/chest-stepwedge-gateway 8000:80 &" in helm.render(values("minimal")).notes
