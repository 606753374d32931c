"""What is counted in the service: by names from the settings and of rules, as numbers and times, no patient data.

docs/operations.md says what each of them means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from service.operations.board import Board
from service.operations.families import Counter, Family, Gauge, Histogram, Least, laid_out

METRICS_PATH = "/metrics"
PREFIX = "foot_drop_cds_"
NOBODY = "none"
"""The client of a request that carries no token of a registered one."""
DISCOVERY = "discovery"
FEEDBACK = "feedback"
"""Counted alongside the services."""

_STATUSES = tuple(map(str, (200, 204, 400, 401, 403, 404, 405, 408, 412, 413, 415, 421, 422, 500, 503)))
_INDICATORS = ("info", "warning", "critical")
PLACES = ("advice", "card", "memory")
"""The places of contained faults, where an error affects nothing else: a rule's advice, its card, or the memory."""
CAUSES = ("computing", "hanging", "signal", "exit", "no process")
"""Why a worker had to be replaced."""
OUTCOMES = ("ok", "late", "unreachable", "refused", "failed", "unreadable", "not allowed", "let alone")
"""The outcomes of a query to a FHIR server."""


class Metrics:
    """The metrics of this process. They are private until `share` puts them where other processes see them."""

    def __init__(self) -> None:
        self.know()

    def know(
        self,
        services: Iterable[str] = (),
        rules: Iterable[str] = (),
        clients: Iterable[str] = (),
        refusals: Iterable[str] = (),
    ) -> None:
        """Start again with these values of labels; any other value is counted as `other`."""
        services, clients, rules = (*services, DISCOVERY, FEEDBACK), (*clients, NOBODY), tuple(rules)
        status = {"service": services, "status": _STATUSES, "client": clients}
        self.requests = Counter("requests_total", "Requests that were answered", **status)
        self.seconds = Histogram("request_seconds", "Seconds until a request was answered", service=services)
        self.in_flight = Gauge("in_flight", "Requests that are being received or answered")
        self.waiting = Gauge("waiting", "Requests that wait until a worker is free")
        self.overloaded = Counter("overloaded_total", "Requests refused because max_waiting others were waiting")
        self.hidden = Counter("hidden_failures_total", "Failures that were answered with no cards", client=clients)
        self.cards = Counter("cards_total", "Cards that were shown", rule=rules, indicator=_INDICATORS)
        self.could_not_evaluate = Counter(
            "could_not_evaluate_total", "Verdicts of rules that lacked something", rule=rules
        )
        self.faults = Counter("faults_total", "Faults in the service", rule=rules, place=PLACES)
        self.tokens_refused = Counter("tokens_refused_total", "Tokens that were refused", why=tuple(refusals))
        self.fhir_requests = Counter("fhir_requests_total", "Queries to FHIR servers", client=clients, outcome=OUTCOMES)
        self.fhir_seconds = Histogram("fhir_seconds", "Seconds until a query was answered", client=clients)
        self.restarts = Counter("worker_restarts_total", "Workers that were replaced", cause=CAUSES)
        self.lost = Counter("log_lines_lost_total", "Lines that could not be written into the log")
        self.not_kept = Counter("answers_not_kept_total", "Answers that could not be written to the store")
        self.store_up = Least("store_up", "Whether the store can be written")
        self.keys_known = Least("keys_known", "Whether the keys of a client are known", client=clients)
        self.ready = Least("ready", "Whether the service can answer, as /health/ready says")
        self.busy_since = Gauge("busy_since", "")
        self.beat = Gauge("beat", "")
        self.draining = Gauge("draining", "")
        self._families: dict[str, Family] = {
            name: value for name, value in vars(self).items() if isinstance(value, Family)
        }
        self._board: Board | None = None
        self._size = laid_out(self._families)
        self._take(memoryview(bytearray(8 * self._size)).cast("d"))

    def share(self, workers: int) -> None:
        """Make the numbers visible to other processes; call this once, before the workers are forked."""
        self._board = Board(workers + 1, self._size)
        for place in reversed(self._board.places):  # the parent's last
            self._take(place)

    def take_place(self, number: int) -> None:
        """Count as this worker, continuing where its predecessor left off."""
        self._take(self.board.places[number])

    def vacate(self, number: int) -> None:
        """Clear what no longer applies, since this worker has ended."""
        self._forget(self.board.places[number])

    def _take(self, place: memoryview[float]) -> None:
        for family in self._families.values():
            family.write_to(place)
        self._forget(place)

    def _forget(self, place: memoryview[float]) -> None:
        for family in self._families.values():
            if isinstance(family, Gauge):
                family.forget(place)

    def told(self) -> Iterator[Family]:
        """The families that are reported to monitoring."""
        return (family for family in self._families.values() if family.help)

    @property
    def board(self) -> Board:
        """Where the numbers of all processes are."""
        assert self._board is not None, "it is shared"
        return self._board

    def is_draining(self) -> bool:
        """Whether the parent is about to end the service."""
        return self._board is not None and self.draining.at(self._board.places[0]) > 0

    def of_worker(self, number: int) -> tuple[float, float]:
        """Since when a request occupies this worker (0: none), and when it last handled waiting requests (0: never)."""
        place = self.board.places[number]
        return self.busy_since.at(place), self.beat.at(place)


METRICS = Metrics()
"""The metrics of this process, used wherever something is counted."""
