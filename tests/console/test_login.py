"""A key is typed in once; its session is bounded, hashed, and ends with the key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text

from service.config import Settings
from service.console.login import LIFE
from service.store.api_keys import revoke
from service.store.audit import entries
from tests.api.serving import register, serving, until, until_loaded
from tests.console.visits import Visit, key_of, visiting
from tests.issuer import AUDIENCE, fake_issuer


@pytest.fixture
def closed(settings: Settings, engine: Engine, tmp_path: Path) -> Iterator[httpx.Client]:
    """A gateway that lets nobody look without a key."""
    register(engine, settings, tmp_path / "package")
    with serving(settings.model_copy(update={"anonymous_may": ""})) as client:
        until_loaded(client)
        yield client


@pytest.fixture
def visit(closed: httpx.Client) -> Iterator[Visit]:
    with visiting(str(closed.base_url)) as visit:
        yield visit


@pytest.fixture
def key(closed: httpx.Client, settings: Settings) -> str:
    return key_of(str(settings.database_url), "quality-lead", "read")


def seen(visit: Visit, key: str) -> None:
    """Log in, as soon as the gateway knows the key."""
    until(lambda: "failed" not in visit.log_in(key).headers["location"])


def test_a_key_opens_a_session_and_leads_to_the_page_that_was_asked_for(visit: Visit, key: str) -> None:
    assert visit.get("/console/fleet").headers["location"] == "/console/login?back=%2Fconsole%2Ffleet"
    seen(visit, key)
    visit.browser.cookies.clear()
    reply = visit.log_in(key, back="/console/fleet?q=chest")
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/fleet?q=chest")
    page = visit.page("/console/fleet?q=chest")
    assert "quality-lead" in page
    assert key not in page


def test_the_cookie_is_closed_to_scripts_and_other_sites_and_kept_as_a_digest(visit: Visit, key: str, engine: Engine) -> None:
    seen(visit, key)
    said = visit.log_in(key).headers["set-cookie"]
    assert all(word in said for word in ("stepwedge_session=", "HttpOnly", "SameSite=strict", f"Max-Age={int(LIFE.total_seconds())}"))
    assert "Secure" not in said
    cookie = visit.browser.cookies["stepwedge_session"]
    with engine.connect() as connection:
        digests = [row.digest for row in connection.execute(text("select digest from console_sessions"))]
        stored = str(list(connection.execute(text("select * from console_sessions"))))
    assert sha256(cookie.encode()).digest() in digests
    assert cookie not in stored


def test_behind_tls_the_cookie_travels_over_tls_only(visit: Visit, key: str) -> None:
    seen(visit, key)
    visit.browser.cookies.clear()
    visit.browser.headers["X-Forwarded-Proto"] = "https"
    page = visit.get("/console/login")
    assert "Secure" in page.headers["set-cookie"]
    assert "strict-transport-security" in page.headers


@pytest.mark.parametrize("wrong", ["", "sw_wrong", "x" * 9000, "<script>alert(1)</script>"])
def test_a_wrong_key_opens_nothing_and_is_not_repeated(visit: Visit, wrong: str) -> None:
    reply = visit.log_in(wrong)
    assert reply.headers["location"].startswith("/console/login?failed=1")
    page = visit.page(reply.headers["location"])
    assert "This key opens nothing" in page
    assert not wrong or wrong not in page
    assert "stepwedge_session" not in visit.browser.cookies


def test_a_revoked_key_ends_its_sessions(visit: Visit, key: str, engine: Engine) -> None:
    seen(visit, key)
    assert visit.get("/console/fleet").status_code == 200
    with engine.begin() as connection:
        revoke(connection, "quality-lead", datetime.now(UTC))
    until(lambda: visit.get("/console/fleet").status_code == 303, 20)


def test_a_session_is_over_after_a_working_day(visit: Visit, key: str, engine: Engine) -> None:
    seen(visit, key)
    with engine.begin() as connection:
        connection.execute(text("update console_sessions set expires_at = now()"))
    assert visit.get("/console/fleet").status_code == 303


def test_who_logs_out_is_out_and_the_cookie_is_worth_nothing_any_more(visit: Visit, key: str, engine: Engine) -> None:
    seen(visit, key)
    cookie = visit.browser.cookies["stepwedge_session"]
    assert visit.send("/console/logout", on="/console/fleet").headers["location"] == "/console/login"
    assert "stepwedge_session" not in visit.browser.cookies
    visit.browser.cookies.set("stepwedge_session", cookie)
    assert visit.get("/console/fleet").status_code == 303
    with engine.connect() as connection:
        deeds = [entry.act.deed.value for entry in entries(connection)]
    assert deeds.count("session.opened") == deeds.count("session.closed") == 1


def test_a_key_without_the_role_is_told_so_on_a_page(visit: Visit, closed: httpx.Client, settings: Settings) -> None:
    seen(visit, key_of(str(settings.database_url), "pacs", "predict"))
    reply = visit.get("/console/fleet")
    assert reply.status_code == 403
    assert "This needs the role read, which pacs does not have." in reply.text


def test_another_visitor_s_token_is_worth_nothing(visit: Visit, key: str, closed: httpx.Client) -> None:
    seen(visit, key)
    with visiting(str(closed.base_url)) as other:
        form = {"token": other.page("/console/login").split('name="token" value="')[1][:64]}
        assert visit.browser.post("/console/logout", data=form).status_code == 400
    assert visit.get("/console/fleet").status_code == 200


def test_a_token_of_the_issuer_opens_a_session_that_ends_with_it(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "package")
    with fake_issuer() as issuer:
        changes = {"anonymous_may": "", "oidc_issuer": issuer.address, "oidc_audience": AUDIENCE}
        with serving(settings.model_copy(update=changes)) as client, visiting(str(client.base_url)) as visit:
            until(lambda: issuer.fetches > 0)
            seen(visit, issuer.token(exp=timedelta(minutes=5)))
            assert "oidc-" in visit.page("/console/fleet")
            assert "zimmermann" not in visit.page("/console/fleet")
            with engine.connect() as connection:
                left = connection.scalar(text("select max(expires_at) - now() from console_sessions"))
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
