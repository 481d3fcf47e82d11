"""`helm test` passes where both processes answer, and nowhere else."""

from __future__ import annotations

import subprocess
import sys

from tests.helm.chart import Helm, values
from tests.helm.loopback import serving

READY = (200, b"{}")
SERIES = (200, b"# TYPE stepwedge_requests_in_progress gauge\nstepwedge_requests_in_progress 0.0\n")


def passes(helm: Helm, ready: tuple[int, bytes] = READY, metrics: tuple[int, bytes] = SERIES) -> bool:
    """Run the command of the test pod against a server that answers so."""
    container = helm.render(values("minimal")).container("test")
    program, *arguments = container["command"]
    assert program == "python"
    with serving(lambda path, _: {"/readyz": ready, "/metrics": metrics}[path]) as address:
        asked = [f"{address}/{url.rpartition('/')[2]}" for url in container["args"]]
        return subprocess.run([sys.executable, *arguments, *asked], check=False, capture_output=True, timeout=60).returncode == 0


def test_a_release_that_answers_passes(helm: Helm) -> None:
    assert passes(helm)


def test_a_release_that_is_not_ready_fails(helm: Helm) -> None:
    assert not passes(helm, ready=(503, b"{}"))


def test_a_release_that_exports_nothing_of_ours_fails(helm: Helm) -> None:
    assert not passes(helm, metrics=(200, b"# TYPE python_info gauge\npython_info 1.0\n"))


def test_it_asks_gateway_and_worker_through_their_services(helm: Helm) -> None:
    release = helm.render(values("ingress-behind-balancer"))
    ports = {s["metadata"]["name"]: s["spec"]["ports"][0]["port"] for s in release.all("Service")}
    asked = release.container("test")["args"]
    assert asked == [f"http://{name}:{port}/{path}" for name, port in sorted(ports.items()) for path in ("readyz", "metrics")]
