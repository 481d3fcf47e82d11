"""Issuer: bearer tokens of an OIDC issuer, checked with its public keys, which are fetched beside the requests and never by one."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from time import monotonic
from typing import Any

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from service.access import Caller, Role
from service.errors import SetupError, UnauthenticatedError, UnavailableError
from service.gateway.fetch import is_safe, read_url
from service.gateway.pseudonym import pseudonym

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures with a public key. Never `none`, never HMAC: its secret would be the public key."""
SMALLEST_RSA = 2048
LEEWAY_S = 30
REFRESH_S = 300.0
AT_MOST_EVERY_S = 10.0
STALE_S = 24 * 3600.0
"""Keys that could not be fetched again for so long are not believed any more: one of them may have been withdrawn."""
REQUIRED = ["exp", "iat", "iss", "aud", "sub"]
FETCHING = "The issuer's keys are being fetched; try again shortly."

log = structlog.get_logger()


class Issuer:
    """Knows the issuer's keys as they were some minutes ago. A key that is not among them is looked for, not more often than every ten seconds."""

    def __init__(self, issuer: str, audience: str, *, claim: str, prefix: str, secret: bytes) -> None:
        """Nothing is fetched before `watch`.

        Args:
            issuer: Its address, as its tokens name it.
            audience: Whom a token must be meant for.
            claim: Where in a token the roles are; dots lead inwards.
            prefix: What the names of roles begin with there.
            secret: Key of the pseudonyms: whom a token names may be a person.

        Raises:
            SetupError: The issuer is neither https nor on this machine.
        """
        if not is_safe(issuer):
            raise SetupError("STEPWEDGE_OIDC_ISSUER must be an https address; only on this machine itself http will do.")
        self._issuer, self._audience = issuer, audience
        self._claim, self._prefix, self._secret = claim.split("."), prefix, secret
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._about: Mapping[str, Any] = {}
        self._fetched_at: float | None = None
        self._tried_at = float("-inf")
        self._wanted = asyncio.Event()

    def identify(self, token: str) -> Caller:
        """Who brings this token.

        Raises:
            UnauthenticatedError: It is not signed by the issuer, not meant for us, or not valid now.
            UnavailableError: Its key is not known yet, and is being looked for.
        """
        return self._caller(self._claims(token, self._audience))

    def logged_in(self, token: str, client: str, nonce: str) -> Caller:
        """Whom an ID token speaks of, which the issuer made for this client in answer to this very log-in.

        Raises:
            UnauthenticatedError: It is not signed by the issuer, not meant for the client, of another log-in, or not valid now.
            UnavailableError: Its key is not known yet, and is being looked for.
        """
        claims = self._claims(token, client)
        said = claims.get("nonce")
        if claims.get("azp", client) != client or not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
            raise UnauthenticatedError
        return self._caller(claims)

    def endpoint(self, name: str) -> str:
        """One of the addresses that the issuer publishes.

        Raises:
            UnavailableError: They are not known yet, or this is not among them.
        """
        found = self._about.get(name)
        if not isinstance(found, str) or not is_safe(found):
            self._wanted.set()
            raise UnavailableError(FETCHING)
        return found

    def _claims(self, token: str, audience: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = self._key(header.get("kid"))
            if key.algorithm_name not in ALGORITHMS or header.get("alg") != key.algorithm_name:
                raise UnauthenticatedError
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError:
            raise UnauthenticatedError from None
        return claims

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        name = pseudonym(self._secret, "caller", f"{self._issuer} {claims['sub']}")[:8].hex()
        return Caller(f"oidc-{name}", self._roles(claims))

    def _key(self, identifier: object) -> jwt.PyJWK:
        if not isinstance(identifier, str):
            raise UnauthenticatedError
        now = monotonic()
        if self._fetched_at is None or now - self._fetched_at > STALE_S:
            self._wanted.set()
            raise UnavailableError(FETCHING)
        key = self._keys.get(identifier)
        if key is not None:
            return key
        if now - self._tried_at > AT_MOST_EVERY_S:
            self._wanted.set()
            raise UnavailableError(FETCHING)
        raise UnauthenticatedError

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        found: object = claims
        for step in self._claim:
            found = found.get(step) if isinstance(found, Mapping) else None
        names = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
        return frozenset(role for role in Role if self._prefix + role in names)

    async def watch(self) -> None:
        """Fetch the keys every few minutes, or when one is missing, until cancelled."""
        while True:
            await self.refresh()
            self._wanted.clear()
            try:
                await asyncio.wait_for(self._wanted.wait(), REFRESH_S)
            except TimeoutError:
                continue
            await asyncio.sleep(max(0.0, self._tried_at + (AT_MOST_EVERY_S if self._fetched_at else 1.0) - monotonic()))

    async def refresh(self) -> None:
        """Fetch the keys; what goes wrong leaves those that are known."""
        try:
            self._keys = await asyncio.to_thread(self._fetched)
            self._fetched_at = monotonic()
        except Exception as error:  # noqa: BLE001 - whatever the issuer answers, the known keys go on
            log.warning("issuer_keys_not_read", kind=type(error).__name__)
        self._tried_at = monotonic()

    def _fetched(self) -> Mapping[str, jwt.PyJWK]:
        about = json.loads(read_url(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"))
        if about["issuer"] != self._issuer:
            raise ValueError("the document speaks of another issuer")
        found = json.loads(read_url(about["jwks_uri"]))["keys"]
        self._about = about
        return {key.key_id: key for key in map(usable, found) if key is not None and key.key_id}


def usable(described: Mapping[str, Any]) -> jwt.PyJWK | None:
    """A key that signs, with a public key and long enough; None for any other, of which issuers may have some."""
    if described.get("use", "sig") != "sig" or described.get("kty") == "oct":
        return None
    try:
        key = jwt.PyJWK(dict(described))
    except (jwt.PyJWTError, ValueError):
        return None
    short = isinstance(key.key, RSAPublicKey) and key.key.key_size < SMALLEST_RSA
    return None if short or key.algorithm_name not in ALGORITHMS else key
