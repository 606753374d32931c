"""The rows of a part as Parquet: verdicts, cards, and the moments at which they were asked for.

Each file is written under another name and then renamed; the summary of the part comes last, and marks it as done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from service.backtest.answer import Answer, CardRow, VerdictRow
from service.backtest.patient import Judged, Judgement
from service.backtest.sorting import write_whole

Name = Callable[[str, str], str]
"""Gives the id that is written for a resource, from its type and its own id."""


def plain(_kind: str, identity: str) -> str:
    """The id itself."""
    return identity


class Rows:
    """Gathers what was said of patients, and writes it."""

    def __init__(self, name: Name, words: Callable[[str], str], rules: frozenset[str] | None) -> None:
        """`words` turns a sentence into one that may be kept; if `rules` are named, only their rows are kept."""
        self._name = name
        self._words = words
        self._rules = rules
        self._moments: list[tuple[Any, ...]] = []
        self._verdicts = _Said(VerdictRow)
        self._cards = _Said(CardRow)
        self._rows: dict[Answer, tuple[list[int], list[int]]] = {}
        self._last: tuple[Answer, tuple[list[int], list[int]]] | None = None

    def add(self, judgement: Judgement) -> None:
        """Add what was said of one patient."""
        patient = self._name("Patient", judgement.patient)
        for judged in judgement.judged:
            self._add(patient, judgement, judged)

    def _add(self, patient: str, judgement: Judgement, judged: Judged) -> None:
        asked, number = judged.asked, len(self._moments)
        encounter = self._name("Encounter", asked.encounter.id or "") if asked.encounter else ""
        month = asked.at.isoformat()[: len("2026-03")]
        milliseconds, site = round(judged.milliseconds, 3), self._name("Organization", asked.site) if asked.site else ""
        self._moments.append(
            (
                patient,
                asked.at,
                encounter,
                milliseconds,
                month,
                asked.encounter_class,
                site,
                judgement.sex,
                judged.age,
                judged.refused,
            )
        )
        verdicts, cards = self._of(judged.answer)
        self._verdicts.add(number, verdicts)
        self._cards.add(number, cards)

    def _of(self, answer: Answer) -> tuple[list[int], list[int]]:
        """The rows of an answer, by number; most often it is the same object as before, and hashing it takes long."""
        if self._last is None or answer is not self._last[0]:
            if answer not in self._rows:
                self._rows[answer] = self._taken(answer)
            self._last = answer, self._rows[answer]
        return self._last[1]

    def _taken(self, answer: Answer) -> tuple[list[int], list[int]]:
        verdicts = (one for one in answer.verdicts if self._rules is None or one.rule in self._rules)
        cards = (one for one in answer.cards if self._rules is None or one.rule in self._rules)
        return (
            [self._verdicts.number(self._kept(one, reason=self._words(one.reason))) for one in verdicts],
            [self._cards.number(self._kept(one, **self._own(one))) for one in cards],
        )

    def _own(self, card: CardRow) -> dict[str, str]:
        return {"summary": self._words(card.summary), "fingerprint": self._name("Card", card.fingerprint)}

    def _kept(self, row: Any, **changed: str) -> Any:
        return msgspec.structs.replace(row, evidence=self._evidence(row.evidence), **changed)

    def _evidence(self, text: str) -> str:
        if not text or self._name is plain:
            return text
        facts = msgspec.json.decode(text)
        for fact in facts:
            kind, _, identity = fact.get("reference", "").partition("/")
            fact["reference"] = f"{kind}/{self._name(kind, identity)}" if identity else kind
            if fact.get("text"):
                fact["text"] = self._words(fact["text"])
        return msgspec.json.encode(facts).decode()

    def tables(self) -> dict[str, pa.Table]:
        """The rows of each table."""
        moments = _moments(self._moments)
        place = moments.select(["patient", "moment", "encounter"])
        took = moments.select(["milliseconds"])
        return {
            "verdicts": _beside(place, self._verdicts, took),
            "cards": _beside(place, self._cards, None),
            "moments": moments,
        }

    def write(self, folder: Path, number: int, summary: dict[str, Any]) -> None:
        """Write the files of a part, and then the one that marks it as done."""
        for name, table in self.tables().items():
            target = folder / f"{name}-{number:05}.parquet"
            pq.write_table(table, f"{target}.tmp", compression="zstd", compression_level=1)
            os.replace(f"{target}.tmp", target)
        write_whole(folder / f"done-{number:05}.json", msgspec.json.encode(summary))


class _Said:
    """Rows that occur again and again, by number, and the moments at which they occur."""

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        self.names = kind.__struct_fields__
        self._numbers: dict[Any, int] = {}
        self.moments: list[int] = []
        self.rows: list[int] = []

    def number(self, row: Any) -> int:
        return self._numbers.setdefault(row, len(self._numbers))

    def add(self, moment: int, rows: list[int]) -> None:
        self.moments += [moment] * len(rows)
        self.rows += rows

    def columns(self) -> Iterable[pa.Array]:
        rows = pa.array(self.rows, pa.int32())
        for name in self.names:
            said = pa.array([getattr(row, name) for row in self._numbers], pa.string())
            yield said.dictionary_encode().take(rows) if len(said) else pa.array([], pa.string()).dictionary_encode()


_MOMENT = pa.schema(
    [
        ("patient", pa.string()),
        ("moment", pa.timestamp("ms", tz="UTC")),
        ("encounter", pa.string()),
        ("milliseconds", pa.float32()),
        ("month", pa.string()),
        ("class", pa.string()),
        ("site", pa.string()),
        ("sex", pa.string()),
        ("age", pa.int16()),
        ("refused", pa.string()),
    ]
)


def _moments(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(_MOMENT)
    return pa.Table.from_arrays(
        [pa.array(column, kind.type) for column, kind in zip(columns, _MOMENT, strict=True)], schema=_MOMENT
    )


def _beside(place: pa.Table, said: _Said, after: pa.Table | None) -> pa.Table:
    """A row for each thing that was said, next to the moment at which it was said."""
    at = pa.array(said.moments, pa.int32())
    table = place.take(at)
    for name, column in zip(said.names, said.columns(), strict=True):
        table = table.append_column(name, column)
    if after is not None:
        for name in after.column_names:
            table = table.append_column(name, after.take(at).column(name))
    return table
