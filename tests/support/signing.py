"""Keys, JWK Sets and tokens of an EHR that exists only for the tests, and settings that register it."""

from __future__ import annotations

import json
import time
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

PUBLIC_URL = "https://cds.hospital.example"
ISSUER = "https://ehr.hospital.example/fhir"
FHIR_BASE = "https://ehr.hospital.example/fhir/r4"
VIEW = "/cds-services/foot-drop-patient-view"
AUDIENCE = f"{PUBLIC_URL}{VIEW}"

Json = dict[str, Any]


@cache
def ec_key(name: str = "one", curve: str = "secp384r1") -> ec.EllipticCurvePrivateKey:
    """A key pair of this name, the same throughout a run."""
    return ec.generate_private_key({"secp384r1": ec.SECP384R1(), "secp256r1": ec.SECP256R1()}[curve])


@cache
def rsa_key(name: str = "one", bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key pair of this name, the same throughout a run."""
    return rsa.generate_private_key(65537, bits)


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    """A key pair, the same throughout a run."""
    return ed25519.Ed25519PrivateKey.generate()


def public(private: Any, **members: Any) -> Json:
    """The JWK of a key pair's public key."""
    key = private.public_key()
    if isinstance(private, ec.EllipticCurvePrivateKey):
        written = ECAlgorithm.to_jwk(key)
    elif isinstance(private, rsa.RSAPrivateKey):
        written = RSAAlgorithm.to_jwk(key)
    else:
        written = OKPAlgorithm.to_jwk(key)
    return {**json.loads(written), **members}


def key_set(**private: Any) -> bytes:
    """A JWK Set of key pairs by their kid."""
    return json.dumps({"keys": [public(key, kid=kid, use="sig") for kid, key in private.items()]}).encode()


def pem(private: Any) -> bytes:
    """A private key in the form that openssl writes."""
    form = serialization.PrivateFormat.PKCS8
    written: bytes = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return written


def public_pem(private: Any) -> bytes:
    """Its public key in the form that openssl writes."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    written: bytes = private.public_key().public_bytes(serialization.Encoding.PEM, form)
    return written


def claims(**changes: Any) -> Json:
    """Claims that are accepted for patient-view, with `changes` applied; a claim that is None is left out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 120, "jti": str(uuid.uuid4())}
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def token(
    private: Any = None, algorithm: str = "ES384", kid: str | None = "es", typ: str | None = "JWT", **changes: Any
) -> str:
    """A signed token; `changes` apply to the claims."""
    return jwt.encode(claims(**changes), private or ec_key(), algorithm, {"kid": kid, "typ": typ})


def bearer(*of_token: Any, **changes: Any) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token(*of_token, **changes)}"}


def registered(folder: Path, more: str = "", of_service: str = "", keys: bytes = b"") -> Path:
    """A settings file with one client, `main`, whose keys are `es` (ES384) and `rs` (RS384), and its own store."""
    (folder / "keys.json").write_bytes(keys or key_set(es=ec_key(), rs=rsa_key()))
    tenants = "" if "tenants" in more else f'tenants = [{{ base = "{FHIR_BASE}" }}]'
    lines = [
        f'public_url = "{PUBLIC_URL}"',
        'hosts = ["127.0.0.1", "localhost"]',
        f'data_dir = "{folder / "data"}"',
        "" if "allow_unsigned" in of_service else "allow_unsigned = true",
        of_service,
        "[clients.main]",
        f'issuer = "{ISSUER}"',
        "" if "keys_urls" in more else f'keys_file = "{folder / "keys.json"}"',
        tenants,
        more,
    ]
    file = folder / "foot-drop-cds.toml"
    file.write_text("\n".join([*lines, ""]))
    return file
