"""Nobody does what he may not; who may is never kept waiting, not even by a database that is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text

from service.access import Role
from service.config import Settings
from service.gateway.api_key import digest_of, new_key
from service.store.api_keys import revoke
from service.store.engine import connected
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.api.test_problems import check
from tests.callers import TEST_KEY, issue
from tests.films import make_film
from tests.proxy import proxied

ASK = "/v1/models/chest/predictions"
OPEN = ("/console/login", "/livez", "/readyz", "/metrics", "/openapi.json", "/problems", "/problems/forbidden")
WORD = {"finding": "opacity", "value": 1, "source": "report", "made_at": "2026-03-02T15:30:00Z"}
CLOCK = {"Stepwedge-Received-At": "2026-03-02T09:10:00Z"}


@contextmanager
def closed_gateway(settings: Settings, engine: Engine, folder: Path, **changes: object) -> Iterator[httpx.Client]:
    """A gateway as it is by default: without a key nobody may do anything."""
    shut = settings.model_copy(update={"anonymous_may": "", "replay_clock": True, **changes})
    register(engine, shut, folder / "package")
    with serving(shut) as client:
        until_loaded(client)
        yield client


@pytest.fixture
def closed(settings: Settings, engine: Engine, tmp_path: Path) -> Iterator[httpx.Client]:
    with closed_gateway(settings, engine, tmp_path) as client:
        yield client


@pytest.fixture
def stranger(closed: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody without a key."""
    with httpx.Client(base_url=closed.base_url, timeout=60, trust_env=False) as client:
        yield client


def asked(client: httpx.Client, headers: dict[str, str]) -> dict[str, int]:
    """The status of one request for each role."""
    film = make_film(SOPInstanceUID=f"2.25.{uuid4().int}")
    return {
        "predict": client.post(ASK, content=film, headers={**DICOM, **headers}).status_code,
        "label": client.put(f"/v1/predictions/{uuid4()}/labels", json=[WORD], headers=headers).status_code,
        "read": client.get("/v1/models", headers=headers).status_code,
    }


def known(client: httpx.Client, headers: dict[str, str]) -> None:
    """A gateway hears of a new key within a second or two."""
    until(lambda: client.get("/v1/models", headers=headers).status_code != 401)


def test_without_a_key_only_what_is_open_answers(stranger: httpx.Client) -> None:
    assert {path: stranger.get(path).status_code for path in OPEN} == dict.fromkeys(OPEN, 200)
    page = stranger.get("/", follow_redirects=True)
    assert (page.status_code, page.url.path) == (200, "/console/login")
    reply = stranger.post(ASK, content=make_film(), headers=DICOM)
    check(reply, 401, "unauthenticated")
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert set(asked(stranger, {}).values()) == {401}


def test_every_operation_of_the_api_asks_who_calls(stranger: httpx.Client) -> None:
    document = stranger.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path in OPEN or path.startswith("/problems") or (path.startswith("/v2") and method == "get"):
                assert "security" not in operation
                continue
            assert operation["security"] == [{"bearer": []}], path
            assert {"401", "403"} <= set(operation["responses"])
            reply = stranger.request(method, path.replace("{prediction}", str(uuid4())).replace("{", "").replace("}", ""))
            assert reply.status_code == 401, path


@pytest.mark.parametrize("role", ["predict", "label", "read"])
def test_a_key_opens_what_its_role_says_and_nothing_else(
    closed: httpx.Client, stranger: httpx.Client, postgres_url: str, role: str
) -> None:
    headers = issue(postgres_url, "pacs", [Role(role)])
    known(stranger, headers)
    expected = {"predict": 200, "label": 404, "read": 200}
    assert asked(stranger, headers) == {name: expected[name] if name == role else 403 for name in expected}


def test_a_refusal_names_the_role_that_is_missing(stranger: httpx.Client, postgres_url: str) -> None:
    headers = issue(postgres_url, "pacs", [Role.READ])
    known(stranger, headers)
    body = check(stranger.post(ASK, content=make_film(), headers={**DICOM, **headers}), 403, "forbidden")
    assert "role predict" in str(body["detail"])


def test_a_clock_of_one_s_own_needs_its_role(stranger: httpx.Client, postgres_url: str) -> None:
    plain, replaying = issue(postgres_url, "pacs", [Role.PREDICT]), issue(postgres_url, "study", [Role.PREDICT, Role.REPLAY])
    known(stranger, replaying)
    known(stranger, plain)
    check(stranger.post(ASK, content=make_film(), headers={**DICOM, **CLOCK, **plain}), 403, "forbidden")
    assert stranger.post(ASK, content=make_film(), headers={**DICOM, **CLOCK, **replaying}).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Basic c2VjcmV0OnNlY3JldA==", "Bearer", f"Bearer {new_key()}", f"Bearer {TEST_KEY[:-1]}", "Bearer " + 9000 * "x", TEST_KEY],
    ids=["another scheme", "no token", "an unknown key", "a cut key", "an endless token", "no scheme"],
)
def test_what_is_no_valid_key_is_never_taken_for_anonymous(shared: httpx.Client, header: str) -> None:
    """Also where callers without a key may read."""
    with httpx.Client(base_url=shared.base_url, timeout=60, trust_env=False) as client:
        assert client.get("/v1/models").status_code == 200
        check(client.get("/v1/models", headers={"Authorization": header}), 401, "unauthenticated")
        check(client.get("/v1/models", headers=[("Authorization", f"Bearer {TEST_KEY}")] * 2), 401, "unauthenticated")


def test_a_key_ends_when_it_expires_and_when_it_is_revoked(stranger: httpx.Client, postgres_url: str) -> None:
    brief = issue(postgres_url, "guest", [Role.READ], expires_at=datetime.now(UTC) + timedelta(seconds=10))
    lasting = issue(postgres_url, "pacs", [Role.READ])
    known(stranger, lasting)
    assert stranger.get("/v1/models", headers=brief).status_code == 200
    until(lambda: stranger.get("/v1/models", headers=brief).status_code == 401)
    with connected(postgres_url) as connection:
        revoke(connection, "pacs", datetime.now(UTC))
    until(lambda: stranger.get("/v1/models", headers=lasting).status_code == 401)


def test_while_postgres_is_away_a_known_key_stays_known_and_a_wrong_one_wrong(
    settings: Settings, engine: Engine, postgres_url: str, tmp_path: Path
) -> None:
    with proxied(postgres_url) as (proxy, through), closed_gateway(settings, engine, tmp_path, database_url=through) as client:
        proxy.stop()
        until(lambda: client.get("/readyz").status_code == 503)
        check(client.get("/v1/models"), 503, "unavailable")
        check(client.get("/v1/models", headers={"Authorization": f"Bearer {new_key()}"}), 401, "unauthenticated")


def test_before_the_keys_are_known_the_answer_is_come_back_not_unknown(tmp_path: Path) -> None:
    """A 401 would be final for a PACS."""
    with serving(make_settings("postgresql://nobody:x@127.0.0.1:9/none", tmp_path, anonymous_may="")) as client:
        check(client.get("/v1/models"), 503, "unavailable")


def test_who_is_turned_away_is_counted_and_a_film_s_refusal_written_down(stranger: httpx.Client, engine: Engine) -> None:
    stranger.get("/v1/models")
    stranger.post(ASK, content=make_film(), headers=DICOM)
    metrics = stranger.get("/metrics").text
    assert 'stepwedge_requests_turned_away_total{reason="unauthenticated"} 2.0' in metrics
    assert 'stepwedge_requests_refused_total{model="chest",reason="unauthenticated"} 1.0' in metrics

    def stored() -> list[tuple[object, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text("select model, caller, reason, status from refusals"))]

    until(lambda: len(stored()) == 1)
    assert stored() == [("chest", "anonymous", "unauthenticated", 401)]


def test_a_film_is_recorded_under_its_caller(closed: httpx.Client, stranger: httpx.Client, postgres_url: str, engine: Engine) -> None:
    headers = issue(postgres_url, "pacs", [Role.PREDICT])
    known(stranger, headers)
    stranger.post(ASK, content=make_film(), headers={**DICOM, **headers})
    stranger.post(ASK, content=b"garbage", headers={**DICOM, **headers})
    with engine.connect() as connection:
        assert connection.scalars(text("select caller from predictions")).all() == ["pacs"]
        until(lambda: connection.scalars(text("select caller from refusals")).all() == ["pacs"])


def test_metrics_may_be_closed_too(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    with closed_gateway(settings, engine, tmp_path, metrics_need_key=True) as client:
        assert client.get("/metrics").status_code == 200
        assert httpx.get(f"{client.base_url}/metrics", trust_env=False).status_code == 401


def test_a_key_is_nowhere_in_the_database(closed: httpx.Client, engine: Engine) -> None:
    with engine.connect() as connection:
        rows = connection.execute(text("select api_keys::text from api_keys")).scalars().all()
    assert rows
    assert all(TEST_KEY not in row and TEST_KEY[3:20] not in row for row in rows)
    assert digest_of(TEST_KEY) is not None


@pytest.mark.parametrize("roles", ["operate", "replay", "predict,operate", "everything", "predict, read"])
def test_callers_without_a_key_can_never_operate_or_replay(roles: str) -> None:
    with pytest.raises(ValidationError):
        Settings(anonymous_may=roles)


def test_a_caller_beyond_its_share_is_told_when_to_come_back_and_others_go_on(
    settings: Settings, engine: Engine, postgres_url: str, tmp_path: Path
) -> None:
    with closed_gateway(settings, engine, tmp_path, caller_requests_per_s=10.0) as client:
        other = issue(postgres_url, "other", [Role.READ])
        replies = [client.get("/v1/models") for _ in range(40)]
        reply = next(reply for reply in replies if reply.status_code == 429)
        check(reply, 429, "too-many-requests")
        assert int(reply.headers["retry-after"]) >= 1
        until(lambda: client.get("/v1/models", headers=other).status_code == 200)
        metrics = client.get("/metrics").text
        assert 'stepwedge_caller_requests_total{caller="other",role="read"}' in metrics


def test_what_was_answered_makes_room_for_the_next(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    with closed_gateway(settings, engine, tmp_path, caller_requests_at_once=1) as client:
        assert [client.get("/v1/models").status_code for _ in range(5)] == 5 * [200]
        assert [client.post(ASK, content=b"garbage", headers=DICOM).status_code for _ in range(3)] == 3 * [400]
