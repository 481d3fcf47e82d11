"""An OIDC issuer on the loopback: its keys, its documents, and tokens as good or bad as a test wants them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.helm.loopback import serving

AUDIENCE = "stepwedge"
PrivateKey = RSAPrivateKey | ec.EllipticCurvePrivateKey


class FakeIssuer:
    """Answers like an issuer until it is told to be down; `fetches` counts how often its keys were asked for."""

    def __init__(self) -> None:
        self.keys: dict[str, PrivateKey] = {
            "first": rsa.generate_private_key(65537, 2048),
            "curve": ec.generate_private_key(ec.SECP256R1()),
        }
        self.address = ""
        self.down = False
        self.fetches = 0

    def answer(self, path: str, _headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self.down:
            return 500, b""
        if path == "/keys":
            self.fetches += 1
            return 200, json.dumps({"keys": [self.described(name) for name in self.keys]}).encode()
        return 200, json.dumps({"issuer": self.address, "jwks_uri": f"{self.address}/keys"}).encode()

    def described(self, name: str) -> dict[str, Any]:
        key = self.keys[name]
        if isinstance(key, RSAPrivateKey):
            return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig", "alg": "RS256"}
        return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}

    def public_pem(self, name: str) -> bytes:
        """What an attacker knows, and would sign with."""
        public = self.keys[name].public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def token(self, name: str = "first", *, key: PrivateKey | None = None, kid: str | None = None, **claims: Any) -> str:
        """A token that is good but for what is given; a claim of None is left out, a span of time counts from now."""
        now = datetime.now(UTC)
        content = {
            "iss": self.address,
            "aud": AUDIENCE,
            "sub": "agathe.zimmermann@example.org",
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "roles": ["stepwedge-read"],
            **claims,
        }
        signer = key or self.keys[name]
        algorithm = "RS256" if isinstance(signer, RSAPrivateKey) else "ES256"
        present = {claim: now + value if isinstance(value, timedelta) else value for claim, value in content.items() if value is not None}
        return jwt.encode(present, signer, algorithm, headers={"kid": kid or name})


@contextmanager
def fake_issuer() -> Iterator[FakeIssuer]:
    issuer = FakeIssuer()
    with serving(issuer.answer) as address:
        issuer.address = address
        yield issuer
