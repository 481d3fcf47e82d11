"""Code flow: what the issuer gives for the code that a browser brings back."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.parse import quote

from service.errors import UnauthenticatedError, UnavailableError
from service.gateway.fetch import post_form

SILENT = "The issuer does not answer at the moment; try again shortly, or log in with a key."
FIRST_OWN_FAULT = 500


@dataclass(frozen=True, slots=True)
class Exchange:
    """A code with all that proves that it is ours. secret: None for a client that has none."""

    code: str
    verifier: str
    client: str
    secret: str | None
    callback: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What came for a code."""

    identity: str
    access: str


def tokens_of(endpoint: str, exchange: Exchange) -> Tokens:
    """Exchange a code.

    Raises:
        UnauthenticatedError: The issuer knows no such code, or says no more than it must.
        UnavailableError: The issuer does not answer.

    Source:
        RFC 6749, 4.1.3; RFC 7636, 4.5; OpenID Connect Core 1.0, 3.1.3.
    """
    fields = {
        "grant_type": "authorization_code",
        "code": exchange.code,
        "redirect_uri": exchange.callback,
        "client_id": exchange.client,
        "code_verifier": exchange.verifier,
    }
    headers = {"Accept": "application/json", **({} if exchange.secret is None else _basic(exchange.client, exchange.secret))}
    try:
        said = json.loads(post_form(endpoint, fields, headers))
    except HTTPError as error:
        with error:
            raise (UnavailableError(SILENT) if error.code >= FIRST_OWN_FAULT else UnauthenticatedError) from None
    except OSError:
        raise UnavailableError(SILENT) from None
    except ValueError:
        raise UnauthenticatedError from None
    if not isinstance(said, dict) or not isinstance(said.get("id_token"), str):
        raise UnauthenticatedError
    return Tokens(said["id_token"], str(said.get("access_token", "")))


def _basic(client: str, secret: str) -> dict[str, str]:
    pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
