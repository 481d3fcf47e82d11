"""The image holds what a release runs and nothing that only its makers need."""

from __future__ import annotations

import json
import re
import tomllib

from service.config import Settings
from tests.helm.chart import ROOT, Helm, values

DOCKERFILE = (ROOT / "helm" / "Dockerfile").read_text().replace("\\\n", " ")
STEPS = [(word, rest) for word, rest in re.findall(r"^([A-Z]+) (.*)$", DOCKERFILE, flags=re.MULTILINE)]
CONTEXT = (ROOT / "helm" / "Dockerfile.dockerignore").read_text().splitlines()


def steps(word: str) -> list[str]:
    return [rest for name, rest in STEPS if name == word]


def test_what_is_copied_into_it_exists_and_is_let_into_the_context() -> None:
    sources = {source for rest in steps("COPY") if "--from" not in rest for source in rest.split()[:-1]}
    assert sources == {line[1:] for line in CONTEXT if line.startswith("!")}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert "*" in CONTEXT  # everything else stays outside


def test_every_package_of_the_project_is_in_it() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.rstrip("*") for name in packages} <= {rest.split()[0] for rest in steps("COPY")}


def test_it_installs_what_serving_and_watching_need_and_nothing_more() -> None:
    extras = re.findall(r"extras\['(\w+)'\]", DOCKERFILE)
    assert extras == ["serve", "worker", "s3", "archive"]
    assert extras.count("dev") == 0
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"].keys() >= set(extras)


def test_what_is_built_with_is_left_behind() -> None:
    bases = [rest.split()[0] for rest in steps("FROM")]
    assert bases == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    assert "slim" in steps("ARG")[0]
    last = STEPS[max(index for index, (word, _) in enumerate(STEPS) if word == "FROM") :]
    assert not any("pip" in rest for word, rest in last if word == "RUN")


def test_it_runs_as_the_user_of_the_chart(helm: Helm) -> None:
    security = helm.render(values("minimal")).pod("gateway")["spec"]["securityContext"]
    assert steps("USER") == [f"{security['runAsUser']}:{security['runAsGroup']}"]


def test_its_program_is_the_one_that_the_chart_calls(helm: Helm) -> None:
    program, *_ = helm.render(values("minimal")).container("gateway")["command"]
    assert json.loads(steps("ENTRYPOINT")[0]) == [program]
    assert program in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def test_it_tells_the_ports_of_gateway_and_worker() -> None:
    defaults = Settings.model_fields
    assert [int(port) for port in steps("EXPOSE")[0].split()] == [defaults["port"].default, defaults["worker_port"].default]


def test_its_name_is_the_one_that_the_chart_asks_for(helm: Helm) -> None:
    tag = re.search(r"--tag (\S+)", DOCKERFILE)
    assert tag
    assert helm.render(values("minimal")).container("gateway")["image"] == tag[1]
