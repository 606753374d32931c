"""Tokens that must be accepted, in the different ways in which an EHR may write them."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

from tests.corpora.writing_tokens import HEADER, Json, signed
from tests.support.signing import AUDIENCE, PUBLIC_URL, claims, ec_key, public, rsa_key

_KEYS: dict[str, tuple[Any, str]] = {"ES384": (ec_key, "es"), "RS384": (rsa_key, "rs")}
_JTIS = (
    "x",
    "j" * 256,
    "a b",
    "~!@#$%^&*()",
    '"quoted"',
    "\\",
    "<script>",
    "' OR 1=1 --",
    "urn:uuid:0-1",
    "../../etc",
    "0",
)


def _claims() -> Iterator[tuple[str, Json]]:
    """Changes of the claims."""
    now = int(time.time())
    for name, audience in (
        ("a list", [AUDIENCE]),
        ("first of a list", [AUDIENCE, PUBLIC_URL]),
        ("last of a list", ["https://other.example", f"{AUDIENCE}/", AUDIENCE]),
        ("twice in a list", [AUDIENCE, AUDIENCE]),
        ("among forty", [*(f"https://{number}.example" for number in range(40)), AUDIENCE]),
    ):
        yield f"aud: {name}", {"aud": audience}
    yield from ((f"jti {jti[:12]}", {"jti": jti}) for jti in _JTIS)
    times: dict[str, Json] = {
        "nearly expired": {"iat": now - 60, "exp": now + 5},
        "expired within the leeway": {"iat": now - 120, "exp": now - 30},
        "issued within the leeway": {"iat": now + 40, "exp": now + 100},
        "the longest life": {"iat": now, "exp": now + 300},
        "a second of life": {"iat": now, "exp": now + 1},
        "parts of a second": {"iat": now - 0.25, "exp": now + 59.75},
        "as floats": {"iat": float(now), "exp": float(now + 60)},
        "not before now": {"nbf": now},
        "not before five minutes ago": {"nbf": now - 300},
        "not before the beginning": {"nbf": 0},
        "not before within the leeway": {"nbf": now + 40},
    }
    yield from times.items()
    more: list[Any] = [
        "x",
        "",
        7,
        -1,
        0.5,
        True,
        [],
        {},
        ["a", {"b": None}],
        "\u00e9\U0001f9b6",
        "x" * 2000,
        10**30,
        1e300,
    ]
    yield from ((f"sub {str(value)[:12]!a}", {"sub": value}) for value in more)
    yield from ((f"another claim {str(value)[:12]!a}", {"fhirUser": value}) for value in more)
    yield "tenant without need", {"tenant": "any"}
    yield "claims of an access token", {"scope": "user/*.read", "azp": "x", "client_id": "x", "auth_time": now}


def _headers() -> Iterator[tuple[str, Json]]:
    """Members of the header that change nothing: a key inside a token is never used."""
    own = public(ec_key("own"), kid="es")
    members: Json = {
        "cty": "JWT", "x5t": "abc", "x5t#S256": "abc", "x5u": "https://evil.example/x", "x5c": ["MIIB"], "jwk": own,
        "zip": "DEF",
        "iss": "https://evil.example", "ver": 1, "exp": 0, "\u00e9": "\u00e9", "nested": {"alg": "none"}, "ALG": "none",
    }  # fmt: skip
    yield from ((f"header: {name}", {name: member}) for name, member in members.items())


def _written() -> Iterator[tuple[str, str]]:
    """Spellings of the same JSON."""
    for name, indent, separators in (("compact", None, (",", ":")), ("indented", 2, None), ("tabs", "\t", None)):
        yield (
            f"{name}",
            signed(
                json.dumps(HEADER, indent=indent, separators=separators),
                json.dumps(claims(), indent=indent, separators=separators),
            ),
        )
    whole = json.dumps(claims())
    yield "slashes escaped", signed(HEADER, json.dumps(claims()).replace("/", "\\/"))
    yield "names escaped", signed(HEADER, whole.replace('"iss"', '"\\u0069ss"').replace('"aud"', '"a\\u0075d"'))
    yield "spaces around", signed(f"  {json.dumps(HEADER)}\r\n", f"\n\t{json.dumps(claims())}  ")
    exponent = json.dumps(claims(exp=0)).replace('"exp": 0', f'"exp": {(int(time.time()) + 60) / 1e9:.9f}e9')
    yield "with an exponent", signed(HEADER, exponent)
    for number, order in enumerate(
        itertools.islice(itertools.permutations(("iss", "aud", "exp", "iat", "jti")), 0, 120, 5)
    ):
        told = claims()
        yield f"in order {number}", signed(HEADER, {name: told[name] for name in order})


def accepted() -> Iterator[tuple[str, str]]:
    """The tokens by name; each one may be sent once."""
    for algorithm, (key, kid) in _KEYS.items():
        header = {**HEADER, "alg": algorithm, "kid": kid}
        for name, changes in _claims():
            jti = {"jti": f"{algorithm[:1]}{changes['jti']}"[:256]} if "jti" in changes else {}
            yield f"{algorithm}: {name}", signed(header, claims(**{**changes, **jti}), algorithm, key())
        for name, members in _headers():
            yield f"{algorithm}: {name}", signed({**header, **members}, claims(), algorithm, key())
    yield from _written()


def carriers() -> dict[str, str]:
    """Valid Authorization headers."""
    forms = ("Bearer {}", "bearer {}", "BEARER {}", "bEaReR {}", "Bearer  {}", "Bearer {} ")
    return {form: form.format(signed(HEADER, claims())) for form in forms}
