"""The verification of a token: whose token it is, and why it is refused.

The order is that of the best practice of CDS Hooks and of RFC 8725: checks that cost nothing and need no other machine
come first, the signature is verified before any claim is believed, and replay is checked last. PyJWT handles keys and
signatures. The parts and the claims are read here: PyJWT leaves some of this open (typ, the lifetime, NaN), and takes
three times as long.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import jwt
import msgspec
from msgspec import UNSET, Raw, Struct

from service.errors import ServiceError
from service.fhir.client import FhirReader
from service.trust.client import ALGORITHMS, Client
from service.trust.key_set import LONGEST_KID
from service.trust.remote_keys import ClientKeys

LONGEST = 8 * 1024  # characters of the header Authorization
LEEWAY_S = 60  # by which two clocks may differ

_BEARER = re.compile(r"bearer +([\w-]+\.[\w-]+\.[\w-]+) *", re.IGNORECASE | re.ASCII)
_JTI = re.compile(r"[\x20-\x7e]{1,256}")


class Why(StrEnum):
    """Why a token is refused, for the log; the caller does not learn it."""

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
    """A client with its name, its keys, the address that it calls, and the reader of its FHIR servers."""

    name: str
    client: Client
    keys: ClientKeys
    public_url: str
    reader: FhirReader


class Token(Struct, frozen=True):
    """A token whose signature and claims are valid; whether it is new is not known yet."""

    caller: Registered
    jti: str
    expires: int
    tenant: str | None


class Unverified(Struct, frozen=True):
    """What a token says about itself: to be looked up, not to be believed."""

    signed: str
    signature: str
    header: _Header
    claims: bytes
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


class _Claims(Struct, frozen=True):
    aud: str | list[str]
    exp: float
    iat: float
    jti: str
    nbf: float = 0
    tenant: Any = None


T = TypeVar("T")


def read_token(authorization: str) -> Unverified:
    """The token in a header Authorization, as far as it is a signed JWT. Raises RefusedTokenError."""
    match = _BEARER.fullmatch(authorization) if len(authorization) <= LONGEST else None
    if match is None:
        raise RefusedTokenError(Why.NONE)
    signed, _, signature = match[1].rpartition(".")
    head, _, payload = signed.partition(".")
    header = _decoded(_bytes(head), _Header)
    if _text(header.typ) != "JWT":
        raise RefusedTokenError(Why.TYPE)
    if header.alg not in ALGORITHMS:
        raise RefusedTokenError(Why.ALGORITHM)
    if header.crit is not UNSET or header.b64 is not UNSET:
        raise RefusedTokenError(Why.CRITICAL)
    if not 0 < len(_text(header.kid)) <= LONGEST_KID:
        raise RefusedTokenError(Why.KEY_ID)
    claims = _bytes(payload)
    return Unverified(signed, signature, header, claims, _decoded(claims, _Issuer).iss)


def verify(token: Unverified, clients: Mapping[str, Registered], path: str) -> Token:
    """The token, verified for a path of the service; `clients` are by issuer. Raises RefusedTokenError."""
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
    claims = _claims(token, key)
    wanted = {f"{caller.public_url}{place}" for place in caller.client.deviations.audiences(path)}
    if wanted.isdisjoint([claims.aud] if isinstance(claims.aud, str) else claims.aud):
        raise RefusedTokenError(Why.AUDIENCE)
    _check_times(claims, caller.client.longest_life)
    if not _JTI.fullmatch(claims.jti):
        raise RefusedTokenError(Why.CLAIMS)
    return Token(caller, claims.jti, math.ceil(claims.exp) + LEEWAY_S, _tenant(claims.tenant, caller.client))


def _claims(token: Unverified, key: jwt.PyJWK) -> _Claims:
    """The claims, once the signature is verified. Raises RefusedTokenError."""
    if not key.Algorithm.verify(token.signed.encode(), key.key, _bytes(token.signature)):
        raise RefusedTokenError(Why.SIGNATURE)
    try:
        return msgspec.json.decode(token.claims, type=_Claims)
    except (msgspec.DecodeError, ValueError):
        raise RefusedTokenError(Why.CLAIMS) from None


def _check_times(claims: _Claims, longest: int) -> None:
    """Raise RefusedTokenError for a token that is not valid now, or that is valid for more than `longest` seconds."""
    now = time.time()
    if claims.exp <= now - LEEWAY_S:
        raise RefusedTokenError(Why.EXPIRED)
    if max(claims.iat, claims.nbf) > now + LEEWAY_S:
        raise RefusedTokenError(Why.EARLY)
    if not 0 < claims.exp - claims.iat <= longest:
        raise RefusedTokenError(Why.LIFETIME)


def _tenant(name: object, client: Client) -> str | None:
    """The name of the tenant, if the client's tenants have names. Raises RefusedTokenError."""
    names = {tenant.name for tenant in client.tenants if tenant.name}
    if not names:
        return None
    if not isinstance(name, str) or name not in names:
        raise RefusedTokenError(Why.TENANT)
    return name


def _decoded(data: bytes, kind: type[T]) -> T:
    """A JSON object without repeated names, which two readers could read differently. Raises RefusedTokenError."""
    try:
        value = msgspec.json.decode(data, type=kind)
        _UNIQUE.decode(data.decode())
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise RefusedTokenError(Why.UNREADABLE) from None
    return value


def _check_unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError


_UNIQUE = json.JSONDecoder(object_pairs_hook=_check_unique)


def _bytes(part: str) -> bytes:
    """The bytes that a part of a token encodes; only one spelling is valid (RFC 7515, 2). Raises RefusedTokenError."""
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise RefusedTokenError(Why.UNREADABLE) from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise RefusedTokenError(Why.UNREADABLE)
    return data


def _text(member: Raw | msgspec.UnsetType) -> str:
    """A text in the header; empty if it is not a text."""
    try:
        value = msgspec.json.decode(member) if isinstance(member, Raw) else ""
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
    return value if isinstance(value, str) else ""
