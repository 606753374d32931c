"""The cost of authenticating a caller: everything except the signature, and the signature by itself."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import jwt
from msgspec import Struct

from service.middleware.log import COUNTS
from service.trust.callers import Callers
from tests.bench.signed import KEYS
from tests.support.signing import VIEW, token
from tests.support.site import site


class Cost(Struct):
    """CPU seconds per token: the signature, and everything else (header, claims, key cache, replay in SQLite)."""

    signature: float
    rest: float


def measure(rounds: int, times: int = 200) -> dict[str, Cost]:
    """The cost by algorithm."""
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as main:
        callers = main.app.callers
        assert callers is not None
        return {name: _of(callers, name, rounds, times) for name in KEYS}


def _of(callers: Callers, algorithm: str, rounds: int, times: int) -> Cost:
    key, kid = KEYS[algorithm]
    verifier, public = jwt.get_algorithm_by_name(algorithm), key().public_key()
    costs = []
    for _ in range(rounds):
        tokens = [token(key(), algorithm, kid) for _ in range(times)]
        environs = [{"HTTP_AUTHORIZATION": f"Bearer {one}", COUNTS: {}} for one in tokens]
        parts = [_signed(one) for one in tokens]
        start = time.process_time()
        for environ in environs:
            callers.caller(environ, VIEW)
        whole = time.process_time()
        for text, signature in parts:
            verifier.verify(text, public, signature)
        signature_alone = time.process_time() - whole
        costs.append((signature_alone / times, (whole - start - signature_alone) / times))
    return Cost(median(cost for cost, _ in costs), median(rest for _, rest in costs))


def _signed(of_token: str) -> tuple[bytes, bytes]:
    text, _, signature = of_token.rpartition(".")
    return text.encode(), jwt.utils.base64url_decode(signature)
