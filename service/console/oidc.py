"""Log in at the issuer: authorization code with PKCE, state and nonce. What the browser keeps afterwards is the same cookie as after a key.

What one log-in needs to remember (state, nonce, verifier, where to go) lies in a signed cookie of some minutes. That cookie is Lax, since the
way back comes from another site; the session's is Strict, which no browser sends along on that way: so the last step is a page of our own
that leads on by itself.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from service.access import Caller
from service.api.state import Service, service_of
from service.console.code_flow import Exchange, tokens_of
from service.console.forms import safe_back
from service.console.headers import HEADERS
from service.console.login import LIFE, PATH, turned_away
from service.console.render import FLEET, environment, headers_for, over_tls, set_cookie
from service.console.visitor import GUEST_COOKIE, SESSION_COOKIE, Visitor
from service.errors import InvalidRequestError, UnauthenticatedError, UnavailableError
from service.gateway.issuer import Issuer
from service.store.sessions import Session, open_session

START = f"{PATH}/issuer"
CALLBACK = f"{PATH}/callback"
COOKIE, MINUTES = "stepwedge_login", 10
LARGEST = 4096
PURPOSE = b"stepwedge: log-in at the issuer, 1"
ELSEWHERE = "The log-in was begun in another window, or too long ago. Begin it again."


@dataclass(frozen=True, slots=True)
class Begun:
    """A log-in that is under way."""

    state: str
    nonce: str
    verifier: str
    back: str
    at: str

    @property
    def challenge(self) -> str:
        """What the issuer is shown of the verifier (RFC 7636, 4.2)."""
        return base64.urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


async def begin(request: Request, _visitor: Visitor) -> Response:
    """Lead to the issuer, which asks who it is."""
    service = await service_of(request)
    issuer, client, now = *_issuer_of(service), datetime.now(UTC)
    back = safe_back(request.query_params.get("back", ""), FLEET)
    begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32), back, now.isoformat())
    query = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": _callback(request),
        "scope": "openid",
        "state": begun.state,
        "nonce": begun.nonce,
        "code_challenge": begun.challenge,
        "code_challenge_method": "S256",
    }
    endpoint = issuer.endpoint("authorization_endpoint")
    address = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"
    answer = RedirectResponse(address, 303, headers={**headers_for(request), "Cache-Control": "no-store"})
    _remember(answer, request, sealed(service.key, begun))
    return answer


async def finish(request: Request, _visitor: Visitor) -> Response:
    """Whoever comes back from the issuer has a session, if the issuer says who it is.

    Raises:
        InvalidRequestError: Nobody began this log-in here.
        UnavailableError: The issuer does not answer.
    """
    service, now = await service_of(request), datetime.now(UTC)
    issuer, client = _issuer_of(service)
    begun = opened(service.key, request.cookies.get(COOKIE, ""), now)
    if begun is None or not hmac.compare_digest(begun.state.encode(), request.query_params.get("state", "").encode()):
        raise InvalidRequestError(ELSEWHERE)
    try:
        caller = await _caller_of(request, issuer, client, begun)
    except UnauthenticatedError as error:
        turned_away(service, error)
        answer: Response = RedirectResponse(f"{PATH}?failed=issuer", 303, headers=headers_for(request))
    else:
        cookie = secrets.token_urlsafe(32)
        session = Session(sha256(cookie.encode()).digest(), None, caller.name, caller.roles, now, now + LIFE)

        def work(connection: Connection) -> None:
            open_session(connection, session)

        await service.database.run(work)
        page = environment().get_template("welcome.html").render(back=begun.back)
        answer = HTMLResponse(page, headers={**HEADERS, **headers_for(request), "Cache-Control": "no-store"})
        set_cookie(answer, request, SESSION_COOKIE, cookie, int(LIFE.total_seconds()))
        answer.delete_cookie(GUEST_COOKIE)
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


async def _caller_of(request: Request, issuer: Issuer, client: str, begun: Begun) -> Caller:
    """Who it is, by the ID token; what that one may do, by it and by the access token, where that is for us too."""
    code = request.query_params.get("code", "")
    if not code or len(code) > LARGEST:
        raise UnauthenticatedError
    service = await service_of(request)
    secret = service.settings.oidc_client_secret
    exchange = Exchange(code, begun.verifier, client, None if secret is None else secret.get_secret_value(), _callback(request))
    tokens = await run_in_threadpool(tokens_of, issuer.endpoint("token_endpoint"), exchange)
    caller = issuer.logged_in(tokens.identity, client, begun.nonce)
    try:
        access = issuer.identify(tokens.access)
    except (UnauthenticatedError, UnavailableError):
        return caller
    return Caller(caller.name, caller.roles | access.roles) if access.name == caller.name else caller


def _issuer_of(service: Service) -> tuple[Issuer, str]:
    issuer, client = service.callers.issuer, service.settings.oidc_client_id
    if issuer is None or client is None:
        raise HTTPException(404)
    return issuer, client


def _callback(request: Request) -> str:
    """Where the issuer leads back to, as the browser reached this service. The issuer knows by itself which addresses are ours."""
    return f"{'https' if over_tls(request) else 'http'}://{request.url.netloc}{CALLBACK}"


def _remember(answer: Response, request: Request, text: str) -> None:
    answer.set_cookie(COOKIE, text, max_age=60 * MINUTES, path=PATH, secure=over_tls(request), httponly=True, samesite="lax")


def sealed(key: bytes, begun: Begun) -> str:
    """A log-in as a cookie that nobody else can have made."""
    content = base64.urlsafe_b64encode(json.dumps(asdict(begun)).encode()).decode()
    return f"{content}.{_signature(key, content)}"


def opened(key: bytes, text: str, now: datetime) -> Begun | None:
    """What was sealed; None where it was not by us, or too long ago."""
    content, _, signature = text.partition(".")
    if len(text) > LARGEST or not hmac.compare_digest(signature.encode(), _signature(key, content).encode()):
        return None
    values: dict[str, Any] = json.loads(base64.urlsafe_b64decode(content))
    begun = Begun(**values)
    return begun if 0 <= (now - datetime.fromisoformat(begun.at)).total_seconds() <= 60 * MINUTES else None


def _signature(key: bytes, content: str) -> str:
    return hmac.new(hmac.digest(key, PURPOSE, sha256), content.encode(), sha256).hexdigest()
