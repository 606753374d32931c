"""What a request costs in CPU time, from its bytes to its answer, without a network around it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from math import inf

from flask import Flask

from tests.support import hostile

# Measured values stay below these; a test allows five times as much, because the machine is shared.
MOST_TIMES_AN_ORDINARY_CHART = 10
MOST_ON_DOUBLING = 2.5
ROOM = 5
_GRAIN = 0.01  # seconds: some clocks of CPU time count in hundredths
_ANSWERED = (200, 400, 412, 413, 422)


class Cost:
    """The CPU seconds of requests to one service; each the best of three."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        # Loading once, for cards and for the orders that they suggest, belongs to no request.
        self.of_ordinary(64 * 1024)
        self.of("drafts of gabapentin", 16 * 1024)

    def of(self, shape: str, size: int, enough: float = 0.0) -> float:
        """The cost of a hostile shape of this size; once a try costs no more than `enough`, no further try is made."""
        return self._of(hostile.shapes()[shape](size), hostile.hook_of(shape), enough)

    def of_ordinary(self, size: int) -> float:
        """The cost of an ordinary chart of this size."""
        return self._of(hostile.ordinary(size), "patient-view", 0.0)

    def _of(self, body: bytes, hook: str, enough: float) -> float:
        address = f"/cds-services/foot-drop-{hook}"

        def ask() -> None:
            reply = self._client.post(address, data=body, content_type="application/json")
            assert reply.status_code in _ANSWERED, reply.status_code

        best = inf
        for _ in range(3):
            best = min(best, _seconds(ask))
            if best <= enough:
                break
        return best

    def is_dear(self, shape: str, size: int, ordinary: float) -> str:
        """The cost of a shape, if it exceeds that of ten ordinary charts of its size, with room; otherwise empty."""
        most = ROOM * MOST_TIMES_AN_ORDINARY_CHART * max(ordinary, _GRAIN / ROOM)
        cost = self.of(shape, size, most)
        return f"{size:,} bytes cost {cost:.3f} s, an ordinary chart {ordinary:.3f} s" if cost > most else ""


def _seconds(call: Callable[[], None]) -> float:
    gc.disable()  # when it runs depends on what earlier tests have left
    try:
        start = time.process_time()
        call()
        return time.process_time() - start
    finally:
        gc.enable()


def grows(cost: Callable[[int], float], size: int) -> str:
    """How the cost grew, if twice the size costs more than two and a half times as much; otherwise empty."""
    said = ""
    for _ in range(3):  # a busy machine gets another try
        once, twice = cost(size), cost(2 * size)
        if twice <= MOST_ON_DOUBLING * once + _GRAIN:
            return ""
        said = f"{size:,} bytes {once:.3f} s, twice as many {twice:.3f} s"
    return said
