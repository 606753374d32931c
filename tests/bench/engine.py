"""In process: the CPU time of each step of an evaluation, compared with json.loads of the same body."""

import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from msgspec import Struct

from cards.decide import decide
from cards.record.chart import Chart
from service.app import evaluator
from service.fhir.gather import gather
from service.server import load
from service.settings import Settings
from service.wire.answer import answer
from service.wire.request import read

HOOK = "patient-view"

_ROUND_SECONDS = 0.02  # a round repeats a shorter call until it has taken about this long
_FAR = 60.0


class Cost(Struct):
    """CPU seconds for one body; `engine` is everything from the bytes to the verdicts, in one go."""

    best: float  # the minimum of engine, to tell a small increase from noise
    json: float
    decode: float
    gather: float
    chart: float
    decide: float
    engine: float
    ratio: float  # engine against json.loads: the median of the ratios of the rounds
    answer: float


def settle() -> None:
    """Bring the collector into the state that it has in `serve`."""
    load(Settings(dev=True))


class Engine:
    """The path of a request through the service, without HTTP."""

    def __init__(self, body: bytes, now: datetime) -> None:
        self.body = body
        self._now = now
        self._evaluator = evaluator(Settings(dev=True), now)

    def run(self) -> Any:
        """From the bytes to the verdicts, as in the service."""
        return self._evaluator.evaluate(read(self.body, HOOK))

    def steps(self) -> tuple[float, ...]:
        """The moments, in CPU time, between reading, gathering, charting and deciding."""
        clock = time.process_time
        start = clock()
        request = read(self.body, HOOK)
        decoded = clock()
        gathered = gather(
            request, self._evaluator.templates[HOOK], None, self._evaluator.codes, time.monotonic() + _FAR
        )
        found = clock()
        chart = Chart(
            request.patient_id,
            self._now,
            gathered.records,
            hook=HOOK,
            unseen=gathered.unseen,
            codes=self._evaluator.codes,
            defects=gathered.defects,
        )
        charted = clock()
        decide(chart, self._evaluator.book)
        return start, decoded, found, charted, clock()

    def answer(self) -> Callable[[], bytes]:
        """The call that writes the answer once it is decided."""
        request = read(self.body, HOOK)
        decision = self._evaluator.evaluate(request).decision
        return lambda: answer(decision, request, self._now)


def measure(body: bytes, now: datetime, rounds: int) -> Cost:
    """The median of `rounds`, in each of which json.loads, the engine and its steps take turns, call by call.

    No server reads the same body twice in a row: a loop over one of them alone would measure what the processor
    has learnt about that body.
    """
    engine = Engine(body, now)
    answer = engine.answer()
    answer()
    times = max(1, round(_ROUND_SECONDS / _cpu(engine.run)))
    taken: list[tuple[float, ...]] = []
    for _ in range(rounds):
        turns = [(_cpu(lambda: json.loads(body)), *_between(engine.steps()), _cpu(engine.run)) for _ in range(times)]
        loaded, *steps, whole = (median(each) for each in zip(*turns, strict=True))
        taken.append((loaded, *steps, whole, whole / loaded, median(_cpu(answer) for _ in range(min(times, 20)))))
    best = min(each[5] for each in taken)
    return Cost(best, *(median(each) for each in zip(*taken, strict=True)))


def _between(stamps: tuple[float, ...]) -> list[float]:
    return [after - before for before, after in pairwise(stamps)]


def held(body: bytes, now: datetime) -> float:
    """The memory of the decoded request, its records and the chart, as a multiple of the body."""
    engine = Engine(body, now)
    engine.run()  # what is kept from one request to the next does not count for the request
    gc.collect()
    tracemalloc.start()
    request = read(body, HOOK)
    evaluation = engine._evaluator.evaluate(request)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del request, evaluation
    return size / len(body)


def _cpu(call: Callable[[], object]) -> float:
    """CPU seconds of one call; its result is freed within the measured time, as a server does."""
    start = time.process_time()
    call()
    return time.process_time() - start
