"""The cost of the memory: CPU of a signed request to a service that keeps its answers and to one that does not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from msgspec import Struct

from tests.bench.over_http import Server, started
from tests.support.signing import bearer, registered, rsa_key
from tests.support.site import HOST

_SERVE = ("-c", "from service.command.cli import main; main()", "serve", "--port", "0", "--settings")
_REQUESTS = 50  # to one server in one round


class Cost(Struct):
    """CPU seconds per request; `ratio` is the median of the ratios of the rounds."""

    remembering: float
    forgetting: float
    ratio: float


def measure(bodies: dict[tuple[int, bool], bytes], rounds: int) -> dict[tuple[int, bool], Cost]:
    """The cost by body, with the two services alternating."""
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder, "one"), Path(folder, "other")
        for place in (one, other):
            place.mkdir()
        files = registered(one), registered(other, of_service="keep_answers = false")
        with started((*_SERVE, str(files[0])), _signed) as on, started((*_SERVE, str(files[1])), _signed) as off:
            return {key: _compare(on, off, body, rounds) for key, body in bodies.items()}


def _compare(on: Server, off: Server, body: bytes, rounds: int) -> Cost:
    turns = []
    for number in range(-1, rounds):
        both = (on, off) if number % 2 else (off, on)
        spent = {server: server.post(body, _REQUESTS)[0] for server in both}
        turns.append((spent[on], spent[off]))
    with_it, without = zip(*turns[1:], strict=True)  # the first round warms up
    return Cost(median(with_it), median(without), median(a / b for a, b in turns[1:]))


def _signed() -> dict[str, str]:
    # RS384, whose signature costs least: with others the measured difference would nearly vanish.
    return {**HOST, **bearer(rsa_key(), "RS384", "rs")}
