"""The other side: keys as a client creates them and tokens as it signs them, for trying the service and for tests."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from service.trust.key_set import Jwk

LIFE_S = 120  # lifetime of a token
_BY_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_OF_THUMBPRINT = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}  # RFC 7638


def public_jwk(pem: bytes) -> Jwk:
    """The JWK of a public key in openssl's format, with its thumbprint as kid. Raises ValueError."""
    if b"PRIVATE KEY" in pem:
        raise ValueError(
            "it holds a private key, which only the client may have: write the public key with openssl pkey -pubout"
        )
    try:
        return _jwk(serialization.load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it is not a public key in PEM, of RSA, EC or Ed25519") from None


def sign(pem: bytes, issuer: str, audience: str, kid: str | None = None) -> str:
    """A new token, signed with a private key in openssl's format; kid is by default its thumbprint.

    Raises ValueError.
    """
    try:
        private: Any = serialization.load_pem_private_key(pem, None)
        jwk = _jwk(private.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("it is not a private key in PEM without a password, of RSA, EC or Ed25519") from None
    now = int(time.time())
    claims = {"iss": issuer, "aud": audience, "iat": now, "exp": now + LIFE_S, "jti": str(uuid.uuid4())}
    return jwt.encode(claims, private, _algorithm(private), {"kid": kid or jwk["kid"]})


def _algorithm(private: Any) -> str:
    if isinstance(private, rsa.RSAPrivateKey):
        return "RS384"
    return _BY_CURVE.get(private.curve.name, "ES384") if isinstance(private, ec.EllipticCurvePrivateKey) else "EdDSA"


def _jwk(public: Any) -> Jwk:
    """A public key as a JWK. Raises ValueError for a type of key that cannot sign tokens."""
    if isinstance(public, rsa.RSAPublicKey):
        jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _BY_CURVE:
        jwk = ECAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ed25519.Ed25519PublicKey):
        jwk = OKPAlgorithm.to_jwk(public, as_dict=True)
    else:
        raise ValueError
    kept = {name: jwk[name] for name in _OF_THUMBPRINT[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).digest()
    return {**kept, "kid": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), "use": "sig"}
