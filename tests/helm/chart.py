"""The chart as Helm renders it.

Helm is a Go library. It runs in a process of its own: its threads would otherwise live on in the process that other
tests fork servers from, which newer Pythons refuse with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Manifest = Mapping[str, Any]
Values = Mapping[str, Any]

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "stepwedge"
VALUES = Path(__file__).parent / "values"
NAMES = sorted(path.stem for path in VALUES.glob("*.yaml"))


class RefusedError(Exception):
    """Helm refused the values; the text says why."""


def values(name: str) -> dict[str, Any]:
    """Read the values file of this name."""
    (given,) = documents((VALUES / f"{name}.yaml").read_text())
    return given


def documents(text: str) -> list[dict[str, Any]]:
    """Read YAML as the API server does: a key that comes twice in one mapping is an error."""
    for node in yaml.compose_all(text, yaml.SafeLoader):
        refuse_twins(node)
    return [document for document in yaml.safe_load_all(text) if document]


def refuse_twins(node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key comes twice among {keys}"
        for _, below in node.value:
            refuse_twins(below)
    elif isinstance(node, yaml.SequenceNode):
        for below in node.value:
            refuse_twins(below)


@dataclass(frozen=True)
class Release:
    """What one installation would send to Kubernetes, and what it would tell the person who installs it."""

    notes: str
    text: str
    manifests: tuple[Manifest, ...]

    def all(self, kind: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def one(self, kind: str, component: str | None = None) -> Manifest:
        found = [m for m in self.all(kind) if component in (None, m["metadata"]["labels"]["app.kubernetes.io/component"])]
        assert len(found) == 1, f"{len(found)} of kind {kind} for {component}"
        return found[0]

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """Component and pod (metadata and spec) of everything that runs."""
        for manifest in self.manifests:
            pod = manifest if manifest["kind"] == "Pod" else manifest.get("spec", {}).get("template")
            if pod is not None:
                yield pod["metadata"]["labels"]["app.kubernetes.io/component"], pod

    def pod(self, component: str) -> Manifest:
        return dict(self.pods())[component]

    def container(self, component: str) -> Manifest:
        (container,) = self.pod(component)["spec"]["containers"]
        return dict(container)

    def environment(self, component: str) -> dict[str, Any]:
        """By name: the plain value, or the reference to where the value lies."""
        entries = self.container(component).get("env", [])
        assert len(entries) == len({entry["name"] for entry in entries}), "a variable is set twice"
        return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in entries}


class Helm:
    """Helm, at work in another process."""

    def __init__(self, process: Executor) -> None:
        self._process = process

    def render(self, given: Values, name: str = "chest", chart: Path = CHART) -> Release:
        """Collect what `helm install NAME CHART` would send."""
        files = self._process.submit(_render, str(chart), dict(given), name).result(timeout=60)
        notes = next(text for path, text in files.items() if path.endswith("NOTES.txt"))
        texts = [text for path, text in files.items() if path.endswith(".yaml")]
        manifests = tuple(manifest for text in texts for manifest in documents(text))
        return Release(notes, "\n".join(files.values()), manifests)

    def lint(self, given: Values) -> list[str]:
        """Warnings and errors of `helm lint --strict`."""
        return self._process.submit(_lint, dict(given)).result(timeout=60)

    def package(self, folder: Path) -> Path:
        """Make the archive of `helm package`."""
        return Path(self._process.submit(_package, str(folder)).result(timeout=60))


def _render(path: str, given: dict[str, Any], name: str) -> dict[str, str]:
    import helm_python  # noqa: PLC0415 - in the other process only

    try:
        with helm_python.Chart.load(path) as chart:
            return chart.render(given, name=name, namespace="radiology")
    except helm_python.HelmError as error:
        raise RefusedError(str(error)) from None


def _lint(given: dict[str, Any]) -> list[str]:
    import helm_python  # noqa: PLC0415 - in the other process only

    report = helm_python.lint(CHART, given, strict=True)
    return [message["error"] for message in report["messages"] if message["severity"] > 1]


def _package(folder: str) -> str:
    import helm_python  # noqa: PLC0415 - in the other process only

    return helm_python.package(CHART, destination=folder)
