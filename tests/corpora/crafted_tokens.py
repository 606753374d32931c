"""Tokens that prove nothing, made by someone who knows how tokens are read: signatures, names, numbers, spellings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from hashlib import sha384
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from tests.corpora.writing_tokens import HEADER, Json, b64, signed
from tests.support.signing import AUDIENCE, ISSUER, claims, ec_key, rsa_key

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973  # P-384
_DIGEST_INFO = bytes.fromhex("3041300d060960864801650304020205000430")  # SHA-384, RFC 8017
_RSA: Json = {**HEADER, "alg": "RS384", "kid": "rs"}

Named = Iterator[tuple[str, str]]


def carried(signature: bytes, header: Json = HEADER) -> str:
    """Valid claims under this signature."""
    return f"{b64(header)}.{b64(claims())}.{b64(signature)}"


def raw(r: int, s: int) -> bytes:
    """A signature of ES384 in the form of JWS."""
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


def signatures_of_ecdsa() -> Named:
    """Numbers that a verifier without some check would accept, and valid ones written differently."""
    n = ORDER
    for name, r, s in (
        ("zero and zero", 0, 0), ("zero r", 0, 1), ("zero s", 1, 0), ("the order", n, n), ("r is the order", n, 1),
        ("s is the order", 1, n), ("one and one", 1, 1), ("minus one", n - 1, n - 1), ("all bits", 2**384 - 1,
        2**384 - 1),
    ):  # fmt: skip
        yield f"ECDSA: {name}", carried(raw(r, s))
    text = f"{b64(HEADER)}.{b64(claims())}"
    der = ec_key().sign(text.encode(), ec.ECDSA(hashes.SHA384()))
    right = jwt.get_algorithm_by_name("ES384").sign(text.encode(), ec_key())
    r, s = int.from_bytes(right[:48], "big"), int.from_bytes(right[48:], "big")
    others: dict[str, bytes] = {
        "DER": der,
        "swapped": right[48:] + right[:48],
        "little-endian": right[:48][::-1] + right[48:][::-1],
        "a zero before": b"\0" + right,
        "zeros before each": b"\0" + right[:48] + b"\0" + right[48:],
        "a zero behind": right + b"\0",
        "one byte less": right[:-1],
        "r alone": right[:48],
        "r negated": raw(n - r, s),
        "in hexadecimal": right.hex().encode(),
        "over another hash": jwt.get_algorithm_by_name("ES256").sign(text.encode(), ec_key("p256", "secp256r1")),
        "of the claims alone": jwt.get_algorithm_by_name("ES384").sign(text.partition(".")[2].encode(), ec_key()),
        "of the decoded parts": jwt.get_algorithm_by_name("ES384").sign(json.dumps(claims()).encode(), ec_key()),
        "of nothing": jwt.get_algorithm_by_name("ES384").sign(b"", ec_key()),
    }
    yield from ((f"ECDSA: {name}", f"{text}.{b64(signature)}") for name, signature in others.items())


def padded_alone(header: Json) -> str:
    """A token that a key with e = 1 would accept: its signature is the digest itself, padded as RFC 8017 says."""
    text = f"{b64(header)}.{b64(claims())}"
    digest = sha384(text.encode()).digest()
    padded = b"\0\1" + b"\xff" * (256 - 3 - len(_DIGEST_INFO) - len(digest)) + b"\0" + _DIGEST_INFO + digest
    return f"{text}.{b64(padded)}"


def signatures_of_rsa() -> Named:
    """Signatures under the other scheme, another hash, or without the private key."""
    text = f"{b64(_RSA)}.{b64(claims())}".encode()
    key, size = rsa_key(), 256
    yield "RSA: the padded digest, as for e = 1", padded_alone(_RSA)
    right = key.sign(text, padding.PKCS1v15(), hashes.SHA384())
    modulus = key.public_key().public_numbers().n
    others: dict[str, bytes] = {
        "PSS": key.sign(text, padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384()),
        "SHA-256": key.sign(text, padding.PKCS1v15(), hashes.SHA256()),
        "SHA-512": key.sign(text, padding.PKCS1v15(), hashes.SHA512()),
        "zeros": bytes(size),
        "one": (1).to_bytes(size, "big"),
        "the modulus": modulus.to_bytes(size, "big"),
        "minus one": (modulus - 1).to_bytes(size, "big"),
        "a zero before": b"\0" + right,
        "a zero behind": right + b"\0",
        "one byte less": right[1:],
        "more by the modulus": (int.from_bytes(right, "big") + modulus).to_bytes(size + 1, "big"),
        "backwards": right[::-1],
        "the digest": sha384(text).digest(),
    }
    yield from ((f"RSA: {name}", f"{text.decode()}.{b64(signature)}") for name, signature in others.items())


def spelled() -> Named:
    """A valid signature over JSON that two readers could read differently, or over text that is not JSON."""
    told = claims()
    for name in ("iss", "aud", "exp", "iat", "jti"):
        once = json.dumps(told)[1:-1]
        other = json.dumps({name: told[name]})[1:-1]
        yield f"{name} twice", signed(HEADER, f"{{{once}, {other}}}")
        escaped = other.replace(f'"{name}"', f'"\\u{ord(name[0]):04x}{name[1:]}"', 1)
        yield f"{name} twice, once escaped", signed(HEADER, f"{{{escaped}, {once}}}")
    for name in ("alg", "kid", "typ"):
        other = json.dumps({name: HEADER[name]})[1:-1]
        yield f"{name} twice in the header", signed(f"{{{json.dumps(HEADER)[1:-1]}, {other}}}", told)
    yield "a member twice, deep in it", signed(HEADER, json.dumps(told)[:-1] + ', "act": {"sub": 1, "sub": 2}}')
    whole = json.dumps(told)
    spellings: dict[str, str | bytes] = {
        "a comma at the end": whole[:-1] + ",}",
        "single quotes": whole.replace('"', "'"),
        "a comment": whole + " // so it is",
        "two objects": whole + whole,
        "in a list": f"[{whole}]",
        "as a text": json.dumps(whole),
        "a byte order mark": "\ufeff" + whole,
        "UTF-16": whole.encode("utf-16"),
        "UTF-32": whole.encode("utf-32-le"),
        "Latin-1": whole.replace("}", ', "name": "\u00e9"}').encode("latin-1"),
        "a surrogate alone": whole.encode().replace(b"}", b', "name": "\xed\xa0\x80"}'),
        "overlong": whole.encode().replace(b"/", b"\xc0\xaf", 1),
        "a line feed in a text": whole.replace('"jti": "', '"jti": "\n'),
        "a zero byte behind": whole + "\0",
        "names without quotes": whole.replace('"jti"', "jti"),
        "a token": signed(HEADER, told),
        "nothing": "",
    }
    yield from ((f"claims: {name}", signed(HEADER, text)) for name, text in spellings.items())
    yield from ((f"header: {name}", signed(text, told)) for name, text in _headers(json.dumps(HEADER)).items())


def _headers(whole: str) -> dict[str, str | bytes]:
    return {
        "a comma at the end": whole[:-1] + ",}",
        "in a list": f"[{whole}]",
        "as a text": json.dumps(whole),
        "two objects": whole + whole,
        "names in capitals": whole.replace('"alg"', '"ALG"'),
        "NaN": whole[:-1] + ', "v": NaN}',
        "a surrogate alone": whole.encode().replace(b"}", b', "v": "\xed\xa0\x80"}'),
    }


def numbers() -> Named:
    """Times that are not numbers of seconds."""
    now = int(time.time())
    usual = {"iat": now, "exp": now + 60}
    for name in usual:
        for written in (
            "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "0x7fffffff", "01", "+1", "1.", ".5", "1e",
            f'"{usual[name]}"', f"[{usual[name]}]", f'{{"v": {usual[name]}}}', "true", "null", '""',
            '"2026-03-01T12:00:00Z"',
        ):  # fmt: skip
            text = json.dumps(claims() | usual).replace(f'"{name}": {usual[name]}', f'"{name}": {written}')
            yield f"{name} is {written[:12]}", signed(HEADER, text)
    milliseconds = {"iat": now * 1000, "exp": (now + 60) * 1000}
    yield "milliseconds", signed(HEADER, claims(**milliseconds))
    for written in ("NaN", '"0"', "true", "[0]", "1e999", f"{now + 3600}", "null"):
        yield f"nbf is {written}", signed(HEADER, json.dumps(claims())[:-1] + f', "nbf": {written}}}')
    for seconds in (61, 120, 3600):
        yield f"expired for {seconds} s", signed(HEADER, claims(iat=now - seconds - 60, exp=now - seconds - 1))
        yield f"issued in {seconds} s", signed(HEADER, claims(iat=now + seconds + 20, exp=now + seconds + 80))
    yield "a second too long", signed(HEADER, claims(iat=now, exp=now + 301))
    yield "no life", signed(HEADER, claims(iat=now, exp=now))


_KIDS = (
    "es\0", "es\n", "es\t", " es", "es/../es", "./es", "../../../../dev/null", "/dev/null", "file:///dev/null", "%65s",
    "\uff45\uff53", "e\u200bs", "\u202ees", "es'--", "es' UNION SELECT 'x", "es;ls", "$(id)", "${jndi:ldap://x}", "*",
    ".*",
    "__proto__", "constructor", "0", "null", "es,rs", '["es"]', "https://evil.example/es",
)  # fmt: skip
_ALGORITHMS = (
    "ES384\0",
    "E\u017f384",
    "\uff25\uff33384",
    "ES-384",
    "SHA384withECDSA",
    "ecdsa-sha384",
    "ES384,none",
    "RS1",
    "*",
)
_ISSUERS = (
    ISSUER.replace("ehr", "\u0435hr"), ISSUER.replace(".example", ".example."), ISSUER.replace("https", "HTTPS"),
    f"{ISSUER}#", f"{ISSUER}?", f"{ISSUER}/../fhir", ISSUER.replace("fhir", "fh%69r"), ISSUER + "\0", f"\n{ISSUER}",
    f"{ISSUER},https://evil.example", "*", ISSUER.replace(".example", ".example:443"), f"https://evil.example/{ISSUER}",
)  # fmt: skip
_AUDIENCES: tuple[Any, ...] = (
    AUDIENCE + "\0", f"{AUDIENCE}\n", AUDIENCE.replace("view", "vi%65w"), AUDIENCE.replace("https://", "https://x@"),
    AUDIENCE.replace("/cds", "//cds"), AUDIENCE.replace("/cds", "/./cds"), AUDIENCE.replace("/cds", "/x/../cds"),
    f"{AUDIENCE},{AUDIENCE}", f"{AUDIENCE} {AUDIENCE}", [[AUDIENCE]], {"aud": AUDIENCE}, [{"": AUDIENCE}], [None,
    AUDIENCE],
    AUDIENCE.replace("cds.", "cds\u3002"), AUDIENCE.replace("hospital", "hosp\u0131tal"), AUDIENCE[:-1], AUDIENCE[1:],
)  # fmt: skip


def names() -> Named:
    """Names that look like a valid one, or that something behind the reader might understand."""
    yield from ((f"kid {kid!a}", signed({**HEADER, "kid": kid}, claims())) for kid in _KIDS)
    yield from ((f"alg {name!a}", signed({**HEADER, "alg": name}, claims())) for name in _ALGORITHMS)
    yield from ((f"iss {name!a}", signed(HEADER, claims(iss=name))) for name in _ISSUERS)
    yield from ((f"aud {name!a}", signed(HEADER, claims(aud=name))) for name in _AUDIENCES)
    critical: Any
    for critical in (["b64"], ["exp", "b64"], [""], [1], {}, "exp", None, False, ["http://openbanking.org.uk/iat"]):
        yield f"crit {critical}", signed({**HEADER, "crit": critical}, claims())
    value: Any
    for value in (False, None, "false", 0, []):
        yield f"b64 {value!r}", signed({**HEADER, "b64": value}, claims())
    for typ in (
        "JWT\0",
        "application/jwt",
        "application/JWT",
        "secevent+jwt",
        "dpop+jwt",
        "logout+jwt",
        "\uff2aWT",
        True,
        "JWE",
    ):
        yield f"typ {typ!a}", signed({**HEADER, "typ": typ}, claims())


KINDS = (signatures_of_ecdsa, signatures_of_rsa, spelled, numbers, names)


def carriers(right: str) -> dict[str, str]:
    """The Authorization header instead of one with a valid token: the same token, carried or written differently."""
    head, payload, signature = right.split(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bits = letters[letters.index(payload[-1]) ^ 1] if len(payload) % 4 else payload[-1] + "A"
    parts = {"protected": head, "signature": signature}
    encrypted = b64({"alg": "dir", "enc": "A256GCM", "kid": "es"})
    return {
        "bits that mean nothing": f"Bearer {head}.{payload[:-1]}{bits}.{signature}",
        "detached": f"Bearer {head}..{signature}",
        "no header": f"Bearer .{payload}.{signature}",
        "a dot before": f"Bearer .{right}",
        "a dot behind": f"Bearer {right}.",
        "a line feed": f"Bearer {head}\n.{payload}.{signature}",
        "a line feed behind": f"Bearer {right}\n",
        "a no-break space": f"Bearer\u00a0{right}",
        "a parameter": f"Bearer {right}; charset=utf-8",
        "a name": f"Bearer token={right}",
        "JSON, general": f"Bearer {json.dumps({'payload': payload, 'signatures': [parts]})}",
        "JSON, flattened": f"Bearer {json.dumps({'payload': payload} | parts)}",
        "percent": f"Bearer {right.replace('.', '%2e')}",
        "encrypted, without a key": f"Bearer {encrypted}..{payload}.{signature}.{head}",
        "another scheme: DPoP": f"DPoP {right}",
        "another scheme: Token": f"Token {right}",
        "the scheme behind": f"{right} Bearer",
    }  # fmt: skip
