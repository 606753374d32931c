"""Tokens that prove nothing: forged, confused, borrowed, old or malformed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization

from service.trust.client import ALGORITHMS
from tests.corpora.writing_tokens import HEADER, Json, b64, shared_secret, signed
from tests.support.signing import (
    AUDIENCE,
    FHIR_BASE,
    ISSUER,
    PUBLIC_URL,
    VIEW,
    claims,
    ec_key,
    ed_key,
    public,
    rsa_key,
    token,
)

URL = "https://ehr.hospital.example/jwks"
NOW = int(time.time())


def headers() -> Iterator[tuple[str, str]]:
    """Headers that are not allowed, over a valid signature."""
    for name in ("none", "None", "NONE", "nOnE", "", "ES384 ", "es384", "ES256K", "HS384", "dir", "RSA-OAEP", "A128KW"):
        yield f"alg {name!r}", signed({**HEADER, "alg": name}, claims())
    for name in sorted(ALGORITHMS - {"ES384"}):
        yield f"alg {name} over ES384", signed({**HEADER, "alg": name}, claims())
        yield f"alg {name} and the RSA key", signed({**HEADER, "alg": name, "kid": "rs"}, claims())
    for typ in ("at+jwt", "JWS", "jwt", "", None, 7, ["JWT"], {"JWT": 1}, "JOSE", "JWT "):
        yield f"typ {typ!r}", signed({**HEADER, "typ": typ}, claims())
    yield "no typ", signed({"alg": "ES384", "kid": "es"}, claims())
    for kid in (
        "",
        "ES",
        "es ",
        "rs",
        "unknown",
        "../../keys.json",
        "' OR 1=1 --",
        "e" * 257,
        None,
        0,
        ["es"],
        {"a": 1},
    ):
        yield f"kid {str(kid)[:20]!r}", signed({**HEADER, "kid": kid}, claims())
    yield "no kid", signed({"alg": "ES384", "typ": "JWT"}, claims())
    for jku in ("http://127.0.0.1:1/jwks", "https://evil.example/jwks", "file:///etc/passwd", URL, "", None, 7, [URL]):
        yield f"jku {jku!r}", signed({**HEADER, "jku": jku}, claims())
    yield "crit", signed({**HEADER, "crit": ["exp"]}, claims())
    yield "crit empty", signed({**HEADER, "crit": []}, claims())
    yield "b64 false", signed({**HEADER, "b64": False, "crit": ["b64"]}, claims())
    yield "b64 true", signed({**HEADER, "b64": True}, claims())
    for text in ("[]", "null", '"x"', "{", "", "{}", '{"alg": 7}', '{"alg": ["ES384"]}', "[" * 2000, "\ufeff{}"):
        yield f"header {text[:12]!r}", signed(text, claims())
    yield "header not UTF-8", signed(b'{"alg": "ES384", "typ": "JWT", "kid": "\xff"}', claims())
    yield "header UTF-16", signed(json.dumps(HEADER).encode("utf-16"), claims())
    yield "alg twice, none last", signed('{"alg": "ES384", "kid": "es", "typ": "JWT", "alg": "none"}', claims())


def forged() -> Iterator[tuple[str, str]]:
    """Signatures by others, and by nobody."""
    for name, private, algorithm, kid in (
        ("another P-384", ec_key("other"), "ES384", "es"),
        ("P-256 as ES256", ec_key("p256", "secp256r1"), "ES256", "es"),
        ("another RSA", rsa_key("other"), "RS384", "rs"),
        ("RSA for the EC key", rsa_key(), "RS384", "es"),
        ("EC for the RSA key", ec_key(), "ES384", "rs"),
        ("RS256, not allowed", rsa_key(), "RS256", "rs"),
        ("RS512, not allowed", rsa_key(), "RS512", "rs"),
        ("PS384, not allowed", rsa_key(), "PS384", "rs"),
        ("Ed25519", ed_key(), "EdDSA", "es"),
    ):
        yield name, token(private, algorithm, kid)
    short = rsa_key("short", 1024)
    yield "a short RSA key", signed({**HEADER, "alg": "RS384", "kid": "rs"}, claims(), "RS384", short)
    own = ec_key("own")
    for name, value in (("jwk", public(own, kid="es")), ("x5u", "https://evil.example/x"), ("x5c", ["MIIB"])):
        yield f"key in the header: {name}", jwt.encode(claims(), own, "ES384", {"kid": "es", name: value})
    for kid, private in (("es", ec_key()), ("rs", rsa_key())):
        pem = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for secret in (pem, pem.strip(), json.dumps(public(private)).encode(), b"", b"secret"):
            for algorithm in ("HS256", "HS384", "HS512"):
                yield f"{algorithm} with {kid}", shared_secret(secret, algorithm, kid)
    head, payload, signature = token().split(".")
    other = token().split(".")
    yield "signature of another token", f"{head}.{payload}.{other[2]}"
    yield "payload of another token", f"{head}.{other[1]}.{signature}"
    yield "no signature", f"{head}.{payload}."
    yield "signature cut", f"{head}.{payload}.{signature[:-4]}"
    yield "signature of zeros", f"{head}.{payload}.{b64(bytes(96))}"
    yield "signature doubled", f"{head}.{payload}.{signature}{signature}"
    yield "one bit of the signature", f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    yield "alg none without signature", f"{b64({**HEADER, 'alg': 'none'})}.{payload}."
    yield "alg none with signature", f"{b64({**HEADER, 'alg': 'none'})}.{payload}.{signature}"


def wrong_claims() -> Iterator[tuple[str, str]]:
    """Claims that are missing, of the wrong type, old, of others or too generous, with a valid signature."""
    for name in ("iss", "aud", "exp", "iat", "jti"):
        yield f"no {name}", token_of({other: value for other, value in claims().items() if other != name})
        values: list[Any] = [[], {}, True, "", "soon", -1, [None]]
        for value in values:
            if (name, value) != ("jti", "soon"):  # as good a nonce as any
                yield f"{name} {value!r}", token_of({**claims(), name: value})
        yield f"{name} null", token_of({**claims(), name: None})
    for audience in (
        f"{AUDIENCE}/", AUDIENCE.upper(), AUDIENCE.replace("https", "http"), PUBLIC_URL, f"{PUBLIC_URL}/cds-services",
        f"{AUDIENCE}/feedback", f"{AUDIENCE}?a", f"{AUDIENCE}#", AUDIENCE.replace("patient-view", "order-sign"),
        AUDIENCE.replace("hospital.example", "hospital.example:443"), f" {AUDIENCE}", VIEW, "foot-drop-patient-view",
        "https://evil.example" + VIEW, "*", [f"{AUDIENCE}/", PUBLIC_URL], [AUDIENCE, 7], {AUDIENCE: 1},
    ):  # fmt: skip
        yield f"aud {str(audience)[:60]}", token_of({**claims(), "aud": audience})
    for issuer in (
        f"{ISSUER}/",
        ISSUER.upper(),
        f"{ISSUER} ",
        "main",
        FHIR_BASE,
        [ISSUER],
        "https://sandbox.cds-hooks.org",
    ):
        yield f"iss {issuer}", token_of({**claims(), "iss": issuer})
    times: dict[str, Json] = {
        "expired": {"iat": NOW - 400, "exp": NOW - 200},
        "long expired": {"iat": 0, "exp": 1},
        "issued tomorrow": {"iat": NOW + 86_400, "exp": NOW + 86_500},
        "issued in ten minutes": {"iat": NOW + 600, "exp": NOW + 700},
        "not before tomorrow": {"nbf": NOW + 86_400},
        "ten years": {"exp": NOW + 315_000_000},
        "an hour": {"exp": NOW + 3600},
        "six minutes": {"iat": NOW, "exp": NOW + 360},
        "ends before it begins": {"iat": NOW, "exp": NOW - 10},
        "exp as text": {"exp": str(NOW + 60)},
        "iat as text": {"iat": str(NOW)},
        "iat and exp negative": {"iat": -100, "exp": -10},
        "a very large exp": {"exp": 10**30},
        "old, and of a long life": {"iat": NOW - 86_400, "exp": NOW + 60},
    }
    yield from ((name, token(**when)) for name, when in times.items())
    for jti in ("j" * 257, "a\u0000b", "a\nb", "\u00e9", "\ud83d\ude00"):
        yield f"jti {jti[:5]!a}", token(jti=jti)
    for text in (
        "[]",
        "null",
        "7",
        "{",
        "[" * 2000,
        '{"iss": "' + ISSUER + '"',
        f'{{"iss": "{ISSUER}", "exp": 1e999}}',
    ):
        yield f"payload {text[:12]!r}", signed(HEADER, text)
    yield "payload NaN", signed(HEADER, json.dumps(claims()).replace(f'"exp": {claims()["exp"]}', '"exp": NaN'))


def token_of(payload: Json) -> str:
    """Claims as given, with a valid signature: PyJWT would refuse to write some of them."""
    return signed(HEADER, payload)


def malformed() -> dict[str, str]:
    """The contents of the Authorization header instead of one token."""
    right = token()
    return {
        "nothing": "",
        "no scheme": right,
        "another scheme": f"Basic {right}",
        "a scheme too much": f"Bearer Bearer {right}",
        "two tokens": f"Bearer {right}, Bearer {token()}",
        "two tokens in one": f"Bearer {right} {token()}",
        "no token": "Bearer ",
        "one part": f"Bearer {right.split('.')[0]}",
        "two parts": f"Bearer {'.'.join(right.split('.')[:2])}",
        "four parts": f"Bearer {right}.x",
        "five parts, encrypted": f"Bearer {right}.x.y",
        "padded": f"Bearer {right}==",
        "in quotes": f'Bearer "{right}"',
        "base64, not base64url": f"Bearer {right.replace('-', '+').replace('_', '/')}+",
        "a space in it": f"Bearer {right[:40]} {right[40:]}",
        "too long": f"Bearer {token(padding='x' * 9000)}",
        "five megabytes": f"Bearer {'x' * 5_000_000}",
        "a tab for a space": f"Bearer\t{right}",
        "not ASCII": "Bearer \u00e9.\u00e9.\u00e9",
    }
