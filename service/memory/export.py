"""The export: one file of NDJSON for each type of resource, written as the rows are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from service.memory import export_fhir as fhir
from service.memory.paging import cards_of, evaluations, feedback, verdicts_of
from service.memory.rows import Verdict
from service.store.database import Database

KINDS = ("GuidanceResponse", "AuditEvent")
_MOST_SETS = 1000


class Exported(Struct):
    """How many resources of each type were written."""

    guidance_responses: int = 0
    audit_events: int = 0


def export(database: Database, folder: Path, since: int, until: int, *, is_whole: bool = False) -> Exported:
    """Write what was kept between two moments into files of a folder, whole or not at all.

    The moments are milliseconds since 1970; the second is excluded. A rule that was not applicable is left out, unless
    the export `is_whole`. Raises StoreAwayError and OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    parts = {kind: folder / f"{kind}.ndjson.part" for kind in KINDS}
    try:
        with ExitStack() as stack:
            responses, events = (stack.enter_context(_opened(part)) for part in parts.values())
            exported = _Writing(database, responses, events, is_whole).write(since, until)
        for kind, part in parts.items():
            part.replace(folder / f"{kind}.ndjson")
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return exported


def _opened(file: Path) -> IO[bytes]:
    return open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


class _Writing:
    """Writes pages of rows, as they come, into two files."""

    def __init__(self, database: Database, responses: IO[bytes], events: IO[bytes], is_whole: bool) -> None:
        self._database = database
        self._responses = responses
        self._events = events
        self._is_whole = is_whole
        self._sets: dict[str, list[Verdict]] = {}

    def write(self, since: int, until: int) -> Exported:
        done = Exported()
        for lines in self._guidance_and_calls(since, until, done):
            self._responses.write(lines)
        for page in feedback(self._database, since, until):
            self._events.write(b"".join(_line(fhir.feedback_event(one)) for one in page))
            done.audit_events += len(page)
        return done

    def _guidance_and_calls(self, since: int, until: int, done: Exported) -> Iterator[bytes]:
        for page in evaluations(self._database, since, until):
            cards = cards_of(self._database, page)
            verdicts = self._verdicts({one.verdict_set for one in page})
            for evaluation in page:
                said = [one for one in verdicts[evaluation.verdict_set] if self._is_told(one)]
                of_it = ((one.rule, cards.get((evaluation.id, one.rule))) for one in said)
                spoke = [rule for rule, card in of_it if card is not None and card.shown]
                self._events.write(_line(fhir.call_event(evaluation, spoke)))
                responses = (
                    fhir.guidance_response(evaluation, one, cards.get((evaluation.id, one.rule))) for one in said
                )
                yield b"".join(map(_line, responses))
                done.audit_events += 1
                done.guidance_responses += len(said)

    def _is_told(self, verdict: Verdict) -> bool:
        return self._is_whole or verdict.outcome != fhir.NOT_APPLICABLE

    def _verdicts(self, sets: set[str]) -> dict[str, list[Verdict]]:
        """The verdicts of some sets, which most evaluations share."""
        if len(self._sets) > _MOST_SETS:
            self._sets.clear()
        lacking = sets - self._sets.keys()
        if lacking:
            self._sets |= verdicts_of(self._database, lacking)
        return self._sets


def _line(resource: fhir.Json) -> bytes:
    return msgspec.json.encode(resource) + b"\n"
