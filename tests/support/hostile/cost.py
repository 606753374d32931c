"""What a request costs in CPU time, from its bytes to its answer, without a network around it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from math import inf

from flask import Flask

from tests.support import hostile

# What is seen stays below these; a test leaves five times as much room, since the machine is shared.
MOST_TIMES_AN_ORDINARY_CHART = 10
MOST_ON_DOUBLING = 2.5
ROOM = 5
_GRAIN = 0.01  # seconds: some clocks of CPU time count in hundredths
_ANSWERED = (200, 400, 412, 413, 422)


class Cost:
    """The CPU seconds of requests to one service; each the best of three."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        # What is loaded once is no request's: for cards, and for the orders that they suggest.
        self.of_ordinary(64 * 1024)
        self.of("drafts of gabapentin", 16 * 1024)

    def of(self, shape: str, size: int, enough: float = 0.0) -> float:
        """Of a hostile shape of this size; no better try is looked for once it has cost no more than `enough`."""
        return self._of(hostile.shapes()[shape](size), hostile.hook_of(shape), enough)

    def of_ordinary(self, size: int) -> float:
        """Of an ordinary chart of this size."""
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
        """What a shape costs, if that is more than ten ordinary charts of its size, with room; empty if it is not."""
        most = ROOM * MOST_TIMES_AN_ORDINARY_CHART * max(ordinary, _GRAIN / ROOM)
        cost = self.of(shape, size, most)
        return f"{size:,} bytes cost {cost:.3f} s, an ordinary chart {ordinary:.3f} s" if cost > most else ""


def _seconds(call: Callable[[], None]) -> float:
    gc.disable()  # when it runs depends on what the tests before have left
    try:
        start = time.process_time()
        call()
        return time.process_time() - start
    finally:
        gc.enable()


def grows(cost: Callable[[int], float], size: int) -> str:
    """How the cost grew, if twice the size costs more than two and a half times as much; empty when it does not."""
    said = ""
    for _ in range(3):  # a busy machine gets another try
        once, twice = cost(size), cost(2 * size)
        if twice <= MOST_ON_DOUBLING * once + _GRAIN:
            return ""
        said = f"{size:,} bytes {once:.3f} s, twice as many {twice:.3f} s"
    return said
