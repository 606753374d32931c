"""What a FHIR server would have answered: the Medications of the export, or that the export lacks something."""

from __future__ import annotations

from collections.abc import Mapping

from cards.record.decoding import read_resource
from cards.record.defects import Defects
from cards.record.errors import UnreadableError
from cards.record.records import Resource
from service.backtest.lines import SHARED
from service.fhir.client import Fetched, FhirReader
from service.fhir.transport import Budget

SERVER = "the export"
_ABSENT = "the export holds none of this type"
_NOT_THERE = "the export does not hold it"


class ExportReader(FhirReader):
    """Answers queries for data that prefetch lacks, from what an export holds for one patient."""

    def __init__(self, absent: frozenset[str]) -> None:
        """`absent` are the resource types that the export does not hold at all."""
        self._absent = absent
        self._medicines: Mapping[str, bytes] = {}

    def take(self, medicines: Mapping[str, bytes]) -> None:
        """Make these Medications, by id, the ones that can be read from now on."""
        self._medicines = medicines

    def budget(self) -> Budget:
        """A file is read without bounds."""
        return Budget(0)

    def fetch(
        self,
        server: str,
        token: str | None,
        queries: Mapping[str, str],
        deadline: float,
        budget: Budget | None = None,
    ) -> dict[str, Fetched]:
        """The Medications that the queries read by id; for other queries, why there is nothing."""
        return {key: self._fetched(query) for key, query in queries.items()}

    def _fetched(self, query: str) -> Fetched:
        kind, _, identity = query.rpartition("/")
        raw = self._medicines.get(identity) if kind.rpartition("/")[2] == SHARED else None
        if raw is None:
            return Fetched(why=_ABSENT if query == "the rest" else _NOT_THERE)
        defects = Defects()
        resource = _read(raw, query, defects)
        return Fetched([resource], defects=defects) if resource else Fetched(why="it cannot be read", defects=defects)


def _read(raw: bytes, where: str, defects: Defects) -> Resource | None:
    try:
        return read_resource(raw, where, defects)
    except UnreadableError:
        return None
