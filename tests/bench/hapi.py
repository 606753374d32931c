"""HAPI as fhirServer: wall time of a patient-view that reads from it, against prefetch and against HAPI's own time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from statistics import median

from msgspec import Struct

from service.command import loading
from tests.bench.bodies import resources_of
from tests.bench.over_http import SERVICE, Server, started
from tests.hapi import build
from tests.hapi.asking import FOOT_DROP, MANY_RECORDS, example, queries, without_prefetch
from tests.hapi.hapi import Access, Hapi, NotStartedError

NAMES = (FOOT_DROP, MANY_RECORDS)  # for each, one wave of queries reads everything
_WARM_UP = 40  # turns, even in a quick run: Java's first hundreds of searches are slow and uneven
TROUBLE = (build.NotBuiltError, NotStartedError, loading.LoadError)


class Turn(Struct, frozen=True):
    """Seconds of the same request with prefetch and without it, and of HAPI's slowest query for the latter."""

    supplied: float
    read: float
    slowest: float

    @property
    def added(self) -> float:
        """Seconds that reading takes beyond the slowest query; negative if the answers came before HAPI finished."""
        return self.read - self.supplied - self.slowest


class Reading(Struct, frozen=True):
    """Medians over the turns, in seconds, of a request with this many resources in its prefetch."""

    resources: int
    supplied: float
    read: float
    slowest: float
    added: float


@contextmanager
def loaded(now: datetime) -> Iterator[Hapi]:
    """HAPI in memory with every example as of `now`, built if needed. Raises the exceptions in TROUBLE."""
    build.build()
    with Hapi() as hapi:
        list(loading.load(hapi.base, now))
        yield hapi


def measure(hapi: Hapi, now: datetime, turns: int) -> dict[str, Reading]:
    """Each example, requested `turns` times in both ways, alternately."""
    with started(SERVICE) as service:
        return {name: _measured(service, hapi, name, now, turns) for name in NAMES}


def _measured(service: Server, hapi: Hapi, name: str, now: datetime, turns: int) -> Reading:
    request = example(name, now).request
    bodies = [json.dumps(each).encode() for each in (request, without_prefetch(request, hapi.base))]
    wave = len(queries(request))
    taken = [_turn(service, hapi, bodies, wave) for _ in range(_WARM_UP + turns)][_WARM_UP:]
    return Reading(
        sum(1 for _ in resources_of(request)),
        *(median(getattr(turn, part) for turn in taken) for part in ("supplied", "read", "slowest", "added")),
    )


def _turn(service: Server, hapi: Hapi, bodies: list[bytes], wave: int) -> Turn:
    supplied = service.post(bodies[0], 1)[1][0]
    hapi.asked()
    read = service.post(bodies[1], 1)[1][0]
    return Turn(supplied, read, _slowest(hapi.asked(), wave))


def _slowest(asked: list[Access], wave: int) -> float:
    """Seconds of the slowest query. Raises RuntimeError unless exactly one wave was answered."""
    if [each.status for each in asked] != [200] * wave:
        raise RuntimeError(f"{wave} queries were to be answered, these were asked: {asked}")
    return max(each.microseconds for each in asked) / 1e6
