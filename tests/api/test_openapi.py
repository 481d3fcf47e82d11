"""The document says what the API does, and the API does what the document says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from service.config import Settings
from tests.api.serving import DICOM, register, serving, until_loaded
from tests.callers import TEST_KEY
from tests.films import make_film

HERE = Path(__file__).parent
Document = dict[str, Any]


@pytest.fixture
def document(shared: httpx.Client) -> Document:
    found: Document = shared.get("/openapi.json").json()
    return found


def operations(document: Document) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_every_operation_has_a_name_a_summary_and_a_description(document: Document) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(set(names)) == len(names) >= 15
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    assert all(operation["summary"] and operation["description"] and operation["tags"] for operation in operations(document))


ANSWERS_OF_THEIR_OWN = {("ready", "503"), ("store_instances", "409"), ("store_instances_of_study", "409")}
"""What is asked for, though its status says that not all is well: each dependency by name, each instance with its reason."""


def test_errors_are_documented_as_problems(document: Document) -> None:
    assert "HTTPValidationError" not in str(document)
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if status[0] in "45" and (operation["operationId"], status) not in ANSWERS_OF_THEIR_OWN:
                assert list(response["content"]) == ["application/problem+json"]


def test_bodies_have_examples(document: Document) -> None:
    uploads = document["paths"]["/v1/labels"]["post"]["requestBody"]["content"]
    assert set(uploads) == {"application/x-ndjson", "text/csv"}
    assert all(kind["example"] for kind in uploads.values())
    assert document["components"]["schemas"]["PredictionReply"]["properties"]["id"]["examples"]


def test_the_examples_of_the_document_work(shared: httpx.Client, document: Document) -> None:
    shared.post("/v1/models/chest/predictions", content=make_film(AccessionNumber="A-1017"), headers=DICOM)
    for kind, content in document["paths"]["/v1/labels"]["post"]["requestBody"]["content"].items():
        reply = shared.post("/v1/labels", content=content["example"], headers={"Content-Type": kind})
        assert (reply.status_code, reply.json()["accepted"]) == (200, 1)


def test_fuzzing_by_the_document_finds_nothing(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    """Schemathesis with all its checks, replay switched on so that the clock's header is tried too."""
    replaying = settings.model_copy(update={"replay_clock": True, "anonymous_may": ""})
    register(engine, replaying, tmp_path / "package")
    with serving(replaying) as client:
        until_loaded(client)
        prediction = client.post("/v1/models/chest/predictions", content=make_film(), headers=DICOM).json()["id"]
        config = tmp_path / "schemathesis.toml"
        known = f'\n[parameters]\nmodel = "chest"\n"path.version" = "1"\n"path.prediction" = "{prediction}"\n'
        hooks = f'hooks = "{HERE / "schemathesis_hooks.py"}"\n'
        config.write_text(hooks + (HERE / "schemathesis.toml").read_text() + known)
        program = [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(config),
            "--no-color",
            "run",
            "--header",
            f"Authorization: Bearer {TEST_KEY}",
        ]
        arguments = [f"{client.base_url}/openapi.json", "--phases", "examples,coverage,fuzzing", "--generation-database", "none"]
        said = subprocess.run([*program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert said.returncode == 0, said.stdout[:9000] + said.stdout[-3000:] + said.stderr[-2000:]
