"""Tokens in every form that can be written, valid or not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt

from tests.support.signing import claims, ec_key

Json = dict[str, Any]


def b64(data: bytes | Json | str) -> str:
    """A part of a token."""
    if isinstance(data, dict):
        data = json.dumps(data)
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def signed(header: bytes | Json | str, payload: bytes | Json | str, algorithm: str = "ES384", key: Any = None) -> str:
    """Any header over any payload, signed as a client would."""
    text = f"{b64(header)}.{b64(payload)}"
    signature = jwt.get_algorithm_by_name(algorithm).sign(text.encode(), key or ec_key())
    return f"{text}.{b64(signature)}"


HEADER: Json = {"alg": "ES384", "typ": "JWT", "kid": "es"}
"""Of a right token."""


def shared_secret(secret: bytes, algorithm: str, kid: str) -> str:
    """A token that uses something public as a shared secret."""
    text = f"{b64({**HEADER, 'alg': algorithm, 'kid': kid})}.{b64(claims())}"
    digest = getattr(hashlib, f"sha{algorithm[2:]}")
    return f"{text}.{b64(hmac.new(secret, text.encode(), digest).digest())}"
