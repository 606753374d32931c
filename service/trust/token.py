"""The verification of a token: whose it is, and why it is refused. What PyJWT leaves open is closed here.

The order is that of CDS Hooks' best practice and RFC 8725: what costs nothing and asks nobody comes first, the
signature before any claim is believed, the replay last.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import jwt
import msgspec
from jwt.exceptions import (
    DecodeError,
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidSignatureError,
    PyJWTError,
)
from msgspec import UNSET, Raw, Struct

from service.errors import ServiceError
from service.fhir.client import FhirReader
from service.trust.client import ALGORITHMS, Client
from service.trust.key_set import LONGEST_KID
from service.trust.remote_keys import ClientKeys

LONGEST = 8 * 1024  # characters of the header Authorization
LEEWAY_S = 60  # that two clocks may differ

_BEARER = re.compile(r"bearer +([\w-]+\.[\w-]+\.[\w-]+) *", re.IGNORECASE | re.ASCII)
_JTI = re.compile(r"[\x20-\x7e]{1,256}")
_OPTIONS: Any = {
    "require": ["iss", "aud", "exp", "iat", "jti"],
    "verify_sub": False,  # no claim of CDS Hooks any more
    "enforce_minimum_key_length": True,
}


class Why(StrEnum):
    """Why a token is refused, for the log; the caller is told nothing."""

    NONE = "no bearer token of three parts, or a longer one than 8 KiB"
    UNREADABLE = "the token cannot be read"
    TYPE = "typ is not JWT"
    CRITICAL = "the header asks for what is not supported (crit, b64)"
    KEY_ID = "kid is missing or too long"
    ISSUER = "the issuer is no client's"
    ALGORITHM = "the client may not use this algorithm"
    JKU = "jku is no address of the client's keys"
    KEY = "the client has no key of this kid for this algorithm"
    SIGNATURE = "the signature is wrong"
    AUDIENCE = "aud is not the address that was called"
    EXPIRED = "the token has expired"
    EARLY = "the token is not valid yet"
    CLAIMS = "a claim is missing or of the wrong type"
    LIFETIME = "the token lives too long"
    TENANT = "the tenant is not the client's"
    REPLAY = "the token was used before"


class RefusedTokenError(ServiceError):
    """A token that proves nothing."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Registered(Struct, frozen=True):
    """A client, what it is called, its keys, where it calls, and what reads its FHIR servers."""

    name: str
    client: Client
    keys: ClientKeys
    public_url: str
    reader: FhirReader


class Token(Struct, frozen=True):
    """A token whose signature and claims are right; that it is new is not known yet."""

    caller: Registered
    jti: str
    expires: int
    tenant: str | None


class Unverified(Struct, frozen=True):
    """What a token says of itself: to be looked up, not to be believed."""

    text: str
    header: _Header
    issuer: str


class _Header(Struct, frozen=True):
    alg: str
    kid: Raw = Raw(b"null")
    typ: Raw = Raw(b"null")
    jku: Raw | msgspec.UnsetType = UNSET
    crit: Raw | msgspec.UnsetType = UNSET
    b64: Raw | msgspec.UnsetType = UNSET


class _Issuer(Struct, frozen=True):
    iss: str


T = TypeVar("T")


def read_token(authorization: str) -> Unverified:
    """The token in a header Authorization, as far as it is a signed JWT. Raises RefusedTokenError."""
    match = _BEARER.fullmatch(authorization) if len(authorization) <= LONGEST else None
    if match is None:
        raise RefusedTokenError(Why.NONE)
    head, payload, _ = match[1].split(".")
    header = _decoded(head, _Header)
    if _text(header.typ) != "JWT":
        raise RefusedTokenError(Why.TYPE)
    if header.alg not in ALGORITHMS:
        raise RefusedTokenError(Why.ALGORITHM)
    if header.crit is not UNSET or header.b64 is not UNSET:
        raise RefusedTokenError(Why.CRITICAL)
    if not 0 < len(_text(header.kid)) <= LONGEST_KID:
        raise RefusedTokenError(Why.KEY_ID)
    return Unverified(match[1], header, _decoded(payload, _Issuer).iss)


def verify(token: Unverified, clients: Mapping[str, Registered], path: str) -> Token:
    """What a token proves at a path of the service; `clients` are by issuer. Raises RefusedTokenError."""
    caller = clients.get(token.issuer)
    if caller is None:
        raise RefusedTokenError(Why.ISSUER)
    algorithm = token.header.alg
    if algorithm not in caller.client.algorithms:
        raise RefusedTokenError(Why.ALGORITHM)
    jku = None if token.header.jku is UNSET else _text(token.header.jku)
    if jku is not None and jku not in caller.client.keys_urls:
        raise RefusedTokenError(Why.JKU)
    key = caller.keys.key(_text(token.header.kid), algorithm, jku)
    if key is None:
        raise RefusedTokenError(Why.KEY)
    claims = _claims(token.text, key, algorithm, token.issuer, f"{caller.public_url}{path}")
    issued, expires = _number(claims["iat"]), _number(claims["exp"])
    if not 0 < expires - issued <= caller.client.longest_life:
        raise RefusedTokenError(Why.LIFETIME)
    if not isinstance(claims["jti"], str) or not _JTI.fullmatch(claims["jti"]):
        raise RefusedTokenError(Why.CLAIMS)
    return Token(caller, claims["jti"], math.ceil(expires) + LEEWAY_S, _tenant(claims, caller.client))


def _claims(text: str, key: jwt.PyJWK, algorithm: str, issuer: str, audience: str) -> dict[str, Any]:
    """The claims, once the signature is right. Raises RefusedTokenError."""
    try:
        return jwt.decode(text, key, [algorithm], _OPTIONS, audience=audience, issuer=issuer, leeway=LEEWAY_S)
    except PyJWTError as error:
        raise RefusedTokenError(next((why for kind, why in _WHY if isinstance(error, kind)), Why.CLAIMS)) from None
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise RefusedTokenError(Why.UNREADABLE) from None


# The first that fits: a wrong signature is a fault of decoding to PyJWT.
_WHY: tuple[tuple[type[PyJWTError], Why], ...] = (
    (InvalidSignatureError, Why.SIGNATURE),
    (ExpiredSignatureError, Why.EXPIRED),
    (ImmatureSignatureError, Why.EARLY),
    (InvalidAudienceError, Why.AUDIENCE),
    (DecodeError, Why.UNREADABLE),
)


def _tenant(claims: Mapping[str, Any], client: Client) -> str | None:
    """The name of the tenant, where the client's tenants have names. Raises RefusedTokenError."""
    names = {tenant.name for tenant in client.tenants if tenant.name}
    name = claims.get("tenant")
    if not names:
        return None
    if not isinstance(name, str) or name not in names:
        raise RefusedTokenError(Why.TENANT)
    return name


def _number(claim: object) -> float:
    """A claim that is a number of seconds. Raises RefusedTokenError."""
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not math.isfinite(claim):
        raise RefusedTokenError(Why.CLAIMS)
    return claim


def _decoded(part: str, kind: type[T]) -> T:
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return msgspec.json.decode(data, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        raise RefusedTokenError(Why.UNREADABLE) from None


def _text(member: Raw | msgspec.UnsetType) -> str:
    """A text of the header; empty when it is none."""
    try:
        value = msgspec.json.decode(member) if isinstance(member, Raw) else ""
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
    return value if isinstance(value, str) else ""
