"""A real Prometheus over a past that the test wrote."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from tests.components import component

LISTENING = re.compile(r'msg="Listening on" address=(\S+)')


class Prometheus:
    """Answers of one server."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"http://{address}/api/v1", timeout=60)

    def instant(self, expr: str, at: datetime) -> list[dict[str, Any]]:
        return self._ask("query", query=expr, time=at.timestamp())

    def over(self, expr: str, since: datetime, until: datetime, step_s: int = 60) -> list[dict[str, Any]]:
        return self._ask("query_range", query=expr, start=since.timestamp(), end=until.timestamp(), step=step_s)

    def names(self) -> set[str]:
        """Every series name that the past holds."""
        return set(self._get("label/__name__/values", start=0))

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def close(self) -> None:
        self._client.close()

    def _ask(self, what: str, **parameters: Any) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self._get(what, **parameters)["result"]
        return result

    def _get(self, what: str, **parameters: Any) -> Any:
        answer = self._client.get(what, params=parameters)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()["data"]


@contextmanager
def prometheus(openmetrics: str, rules: Path, folder: Path) -> Iterator[Prometheus]:
    """A server that holds these samples and loads these rules."""
    past, data, config = folder / "past.txt", folder / "data", folder / "prometheus.yml"
    past.write_text(openmetrics)
    config.write_text(f"rule_files: [{rules}]\n")
    subprocess.run([component("promtool"), "tsdb", "create-blocks-from", "openmetrics", "-q", past, data], check=True, capture_output=True)
    # Port 0: the log says which one it became, so tests that run at once never clash.
    command = [str(component("prometheus")), f"--config.file={config}", f"--storage.tsdb.path={data}", "--web.listen-address=127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            server = Prometheus(_address(process))
            _wait_until_ready(process)
            yield server
            server.close()
        finally:
            process.terminate()
            process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    return _line(process, LISTENING)


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    _line(process, re.compile(r'msg="(Server is ready to receive web requests\.)"'))


def _line(process: subprocess.Popen[str], wanted: re.Pattern[str]) -> str:
    seen = []
    for line in process.stderr or ():
        seen.append(line)
        if found := wanted.search(line):
            return found[1]
    raise AssertionError("".join(seen))
