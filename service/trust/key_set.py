"""JWK Sets: the public keys of a client by their ids, and which of them may verify a token."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

import jwt
import msgspec
from jwt.exceptions import PyJWTError

LARGEST = 256 * 1024  # bytes of a JWK Set: hundreds of keys
LONGEST_KID = 256  # characters
_MOST_KEYS = 200
_RSA_BITS = (2048, 8192)  # NIST SP 800-131A; above, one signature costs too much time
_KINDS = {"ES": "EC", "RS": "RSA", "PS": "RSA", "Ed": "OKP"}
# RFC 7518 and 8037; PyJWT would accept a key of another curve from a JWK.
_CURVES = {"ES256": {"P-256"}, "ES384": {"P-384"}, "ES512": {"P-521"}, "EdDSA": {"Ed25519", "Ed448"}}
_SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

Jwk = dict[str, Any]


class KeySet:
    """The usable keys of one JWK Set. A key is decoded when it is first used, and then kept."""

    def __init__(self, keys: list[Jwk]) -> None:
        self._by_id: dict[str, list[Jwk]] = {}
        self._ready: dict[tuple[str, str], jwt.PyJWK | None] = {}
        for key in keys:
            self._by_id.setdefault(key["kid"], []).append(key)

    @property
    def keys(self) -> list[Jwk]:
        """The keys as published."""
        return [key for keys in self._by_id.values() for key in keys]

    def knows(self, kid: str) -> bool:
        """Whether there is a key with this id, for any algorithm."""
        return kid in self._by_id

    def key(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        """The key with this id for this algorithm; None if no key with that id fits."""
        if kid not in self._by_id:
            return None
        if (kid, algorithm) not in self._ready:
            keys = [made for jwk in self._by_id[kid] if (made := _for(jwk, algorithm)) is not None]
            self._ready[kid, algorithm] = keys[0] if keys else None
        return self._ready[kid, algorithm]


def read_key_set(body: bytes) -> KeySet:
    """The usable keys in a JWK Set; others are ignored, since the EHR may have keys for other purposes.

    Raises ValueError if it is not a JWK Set, if no key can be used, or if it contains a private or shared key.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("it is not JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise ValueError(f"it is not a JWK Set with a list of keys, of at most {_MOST_KEYS}")
    if any(isinstance(key, dict) and _SECRET & key.keys() for key in keys):
        raise ValueError("it holds a private or shared key: a JWK Set may hold public keys only")
    usable = [key for key in keys if isinstance(key, dict) and _is_usable(key)]
    if not usable:
        raise ValueError(f"it holds no public key with a kid for signatures (RSA: of at least {_RSA_BITS[0]} bits)")
    return KeySet(usable)


def read_key_file(file: Path) -> KeySet:
    """The keys in a file. Raises ValueError, which names the file."""
    try:
        with file.open("rb") as opened:
            return read_key_set(opened.read(LARGEST))
    except OSError:
        raise ValueError(f"{file} cannot be read") from None
    except ValueError as error:
        raise ValueError(f"{file} cannot be used: {error}") from None


def _is_usable(key: Jwk) -> bool:
    kid = key.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID or key.get("use", "sig") != "sig":
        return False
    if key.get("kty") == "RSA":
        return _RSA_BITS[0] <= _bits(key.get("n")) <= _RSA_BITS[1]
    return key.get("kty") in ("EC", "OKP")


def _bits(number: object) -> int:
    """The length in bits of a number in base64url; 0 if it is not one."""
    try:
        data = base64.urlsafe_b64decode(f"{number}==")
    except (binascii.Error, ValueError):
        return 0
    return int.from_bytes(data, "big").bit_length()


def _for(jwk: Jwk, algorithm: str) -> jwt.PyJWK | None:
    """A key for an algorithm; None if its type, its curve or its stated algorithm does not match."""
    if jwk["kty"] != _KINDS.get(algorithm[:2]) or jwk.get("alg") not in (None, algorithm):
        return None
    if algorithm in _CURVES and jwk.get("crv") not in _CURVES[algorithm]:
        return None
    try:
        key = jwt.PyJWK(jwk, algorithm=algorithm)
        return None if key.Algorithm.check_key_length(key.key) else key
    except (PyJWTError, ValueError, TypeError):
        return None
