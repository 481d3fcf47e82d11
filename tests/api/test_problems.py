"""Every way to be refused is an RFC 9457 problem, and none of them repeats what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from pydicom import dcmread
from sqlalchemy import Engine, text

from service import errors
from service.api.problems import INTERNAL, KINDS, detail_of, kind_of
from service.config import Settings
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.films import make_film

ASK = "/v1/models/chest/predictions"
SECRET = "Zimmermann^Agathe"


def without_pixels() -> bytes:
    dataset = dcmread(BytesIO(make_film()))
    del dataset.PixelData
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def check(reply: httpx.Response, status: int, slug: str) -> dict[str, object]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = reply.json()
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert (body["type"], body["status"]) == (f"/problems/{slug}", status)
    assert body["instance"] == f"urn:uuid:{UUID(reply.headers['x-request-id'])}"
    assert SECRET not in reply.text
    return body


@pytest.mark.parametrize(
    ("slug", "status", "body", "headers"),
    [
        ("undecodable", 400, SECRET.encode(), DICOM),
        ("undecodable", 400, b"", DICOM),
        ("undecodable", 400, make_film()[:2000], DICOM),
        ("no-pixels", 400, without_pixels(), DICOM),
        ("out-of-scope", 422, make_film(Modality="MR"), DICOM),
        ("unsupported-media-type", 415, make_film(), {"Content-Type": "application/json"}),
        ("unsupported-media-type", 415, make_film(), {}),
        ("unsupported-media-type", 415, make_film(), {**DICOM, "Content-Encoding": "gzip"}),
        ("invalid-request", 400, make_film(), {**DICOM, "Stepwedge-Site": SECRET}),
        ("invalid-request", 400, make_film(), {**DICOM, "Idempotency-Key": ""}),
        ("invalid-request", 400, make_film(), {**DICOM, "Idempotency-Key": 300 * "k"}),
        ("replay-not-allowed", 403, make_film(), {**DICOM, "Stepwedge-Received-At": "2026-03-02T09:10:00Z"}),
        ("invalid-request", 400, SECRET.encode(), {"Content-Type": "multipart/form-data"}),
        ("invalid-request", 400, SECRET.encode(), {"Content-Type": "multipart/form-data; boundary=x"}),
        ("invalid-request", 400, b"--x\r\n\r\ncut short", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("invalid-request", 400, b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}),
    ],
)
def test_a_request_is_refused_with_its_own_problem(
    shared: httpx.Client, slug: str, status: int, body: bytes, headers: dict[str, str]
) -> None:
    check(shared.post(ASK, content=body, headers=headers), status, slug)


def test_names_that_nobody_knows(shared: httpx.Client) -> None:
    check(shared.post(f"/v1/models/{SECRET}/predictions", content=make_film(), headers=DICOM), 404, "unknown-model")
    check(shared.get(f"/v1/predictions/{uuid4()}"), 404, "unknown-prediction")
    for below in ("", "/alarms", "/measurements", "/remedies"):
        check(shared.get(f"/v1/models/{SECRET}{below}"), 404, "unknown-model")
    check(shared.get(f"/{SECRET}"), 404, "not-found")
    check(shared.get("/problems/none"), 404, "not-found")


def test_the_wrong_method_says_which_are_right(shared: httpx.Client) -> None:
    reply = shared.delete("/livez")
    check(reply, 405, "method-not-allowed")
    assert "GET" in reply.headers["allow"]


def test_a_parameter_that_is_not_valid_is_named_but_not_repeated(shared: httpx.Client) -> None:
    body = check(shared.get(f"/v1/predictions/{SECRET}"), 400, "invalid-request")
    assert body["errors"] == [{"location": "path.prediction", "message": "Not valid"}]
    body = check(shared.get("/v1/models/chest/measurements", params={"window": 0}), 400, "invalid-request")
    assert body["errors"] == [{"location": "query.window", "message": "Input should be greater than or equal to 1"}]


@pytest.fixture
def small(settings: Settings, engine: Engine, tmp_path: Path) -> Iterable[httpx.Client]:
    """A gateway that takes 64 KiB."""
    narrow = settings.model_copy(update={"max_body_bytes": 64 * 1024})
    register(engine, narrow, tmp_path / "package")
    with serving(narrow) as client:
        until_loaded(client)
        yield client


def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(small: httpx.Client) -> None:
    check(small.post(ASK, content=70_000 * b"x", headers=DICOM), 413, "too-large")
    check(small.post(ASK, content=(10_000 * b"x" for _ in range(7)), headers=DICOM), 413, "too-large")
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    check(small.post(ASK, content=(b"--x\r\n\r\n" + 10_000 * b"x" for _ in range(7)), headers=form), 413, "too-large")
    assert small.post(ASK, content=make_film(), headers=DICOM).status_code == 200


def test_a_form_of_endless_parts_is_refused(shared: httpx.Client) -> None:
    body = 65 * b"--x\r\n\r\na\r\n" + b"--x--\r\n"
    check(shared.post(ASK, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}), 400, "invalid-request")


def test_more_requests_than_there_are_places_are_told_when_to_come_back(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    crowded = settings.model_copy(update={"max_waiting": 2})
    register(engine, crowded, tmp_path / "package")

    async def story(url: str) -> httpx.Response:
        held = asyncio.Event()

        async def slow_body() -> object:
            yield make_film()
            await held.wait()

        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as many:
            waiting = [asyncio.create_task(many.post(ASK, content=slow_body(), headers=DICOM)) for _ in range(2)]  # type: ignore[arg-type] # an async iterator
            while True:
                metrics = (await many.get("/metrics")).text
                if "stepwedge_requests_in_progress 2.0" in metrics:
                    break
                await asyncio.sleep(0.02)
            refused = await many.post(ASK, content=make_film(), headers=DICOM)
            held.set()
            assert [(await task).status_code for task in waiting] == [200, 200]
            return refused

    with serving(crowded) as client:
        until_loaded(client)
        reply = asyncio.run(story(str(client.base_url)))
    check(reply, 429, "busy")
    assert int(reply.headers["retry-after"]) >= 1


def test_before_the_models_are_known_the_answer_is_come_back_not_unknown(tmp_path: Path) -> None:
    """A 404 would be final for a PACS."""
    settings = make_settings("postgresql://nobody:x@127.0.0.1:9/none", tmp_path)
    with serving(settings) as client:
        reply = client.post(ASK, content=make_film(), headers=DICOM)
        check(reply, 503, "unavailable")
        assert int(reply.headers["retry-after"]) >= 1


def test_a_model_that_fails_is_our_problem_and_the_next_film_is_answered(shared: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_body: bytes, _limits: object) -> None:
        raise ValueError(SECRET)

    with monkeypatch.context() as patch:
        patch.setattr("service.gateway.path.decode", broken)
        body = check(shared.post(ASK, content=make_film(), headers=DICOM), 500, "internal-error")
    assert "Something went wrong" in str(body["detail"])
    assert shared.post(ASK, content=make_film(), headers=DICOM).status_code == 200


def test_refusals_are_written_down_with_nothing_of_the_film(client: httpx.Client, engine: Engine) -> None:
    client.post(ASK, content=SECRET.encode(), headers={**DICOM, "Stepwedge-Site": "north"})
    client.post(f"/v1/models/{SECRET}/predictions", content=make_film(), headers=DICOM)

    def stored() -> list[tuple[object, ...]]:
        query = text("select model, site, outcome, reason, status, input_bytes from refusals order by input_bytes desc")
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    until(lambda: len(stored()) == 2)
    assert stored() == [
        ("chest", "north", "refused", "undecodable", 400, len(SECRET)),
        ("unknown", "main", "refused", "unknown-model", 404, 0),
    ]


def test_every_domain_error_has_a_kind_of_its_own_or_its_parent_s() -> None:
    ours = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.StepwedgeError)]
    of_commands = {
        "DamagedReportError",
        "EmbeddedPostgresError",
        "SetupError",
        "UnknownKeyError",
        "UnknownReferenceError",
        "MissingExtraError",
    }
    of_the_worker = {"PackageError", "ThinReferenceError", "ThinWindowError", "LicenceError", "ReviewError", "TrainingError"}
    never_over_http = {"StepwedgeError"} | of_commands | of_the_worker
    assert {error.__name__ for error in ours if kind_of(error()) is INTERNAL} <= never_over_http
    slugs = [kind.slug for kind in KINDS.values()]
    assert len(set(slugs)) == len(slugs)


def test_what_a_foreign_error_says_is_not_repeated() -> None:
    error = ValueError(SECRET)
    assert SECRET not in detail_of(error, kind_of(error))


def test_every_problem_explains_itself(shared: httpx.Client) -> None:
    kinds = shared.get("/problems").json()
    assert len(kinds) == len({kind["type"] for kind in kinds}) >= len(KINDS) - 1
    for kind in kinds:
        assert shared.get(kind["type"]).json() == kind


def test_an_address_tells_every_method_that_it_has(shared: httpx.Client) -> None:
    reply = shared.delete("/v1/alerts")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, POST")
