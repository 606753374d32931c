"""The backtest says what the service says; charts that are decided once are decided as if asked at every moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cards.language.verdict import Card, outcome
from service import examples
from service.app import evaluator
from service.backtest.as_of import KnownBy
from service.backtest.lines import Fate
from service.backtest.moments import Plan
from service.backtest.patient import Backtest, Judgement, Record
from service.settings import Settings
from service.wire.request import read
from tests.support.exports import backtest, rows, write_whole
from tests.support.population import patient
from tests.support.sampling import one_in

Json = dict[str, Any]
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
SETTINGS = Settings(dev=True)


def of_service(request: Json) -> list[tuple[str, str, str]]:
    """Outcome and reason of each rule, as `explain` has them."""
    decision = evaluator(SETTINGS, NOW).evaluate(read(msgspec.json.encode(request))).decision
    return sorted(
        (rule, outcome(verdict), "" if isinstance(verdict, Card) else verdict.why)
        for rule, verdict in decision.verdicts.items()
    )


@pytest.mark.long
def test_the_examples_are_judged_as_by_the_service(tmp_path: Path) -> None:
    requests = {name: examples.load(name).at(NOW).request for name in examples.names()}
    asked: dict[str, tuple[str, Json]] = {}
    records: list[Json] = []
    for name, request in requests.items():
        if request["hook"] != "patient-view":
            continue
        request["context"].pop("encounterId", None)
        held = request["prefetch"]
        held.pop("encounter", None)
        identity, own = request["context"]["patientId"], f"p{len(asked)}"
        texts = [
            msgspec.json.encode(one).decode().replace(f"Patient/{identity}", f"Patient/{own}")
            for value in held.values()
            for one in ([entry["resource"] for entry in value.get("entry", ())] if "entry" in value else [value])
            if one["resourceType"] != "Bundle"
        ]
        for text in texts:
            one = msgspec.json.decode(text)
            records.append(one | {"id": own} if one["resourceType"] == "Patient" else one)
        for key in evaluator(SETTINGS).templates["patient-view"]:
            held.setdefault(key, None) if key != "encounter" else None
        asked[own] = (name, request)
    assert len(asked) > 30
    export = write_whole(tmp_path / "export", records)
    assert backtest(tmp_path, export, "--at", NOW.isoformat(), "--known-by", "happened").returncode == 0
    written = rows(tmp_path / "out")
    for own, (name, request) in asked.items():
        said = sorted((row["rule"], row["outcome"], row["reason"]) for row in written if row["patient"] == own)
        assert (name, said) == (name, of_service(request))


@pytest.fixture(scope="module")
def judge() -> Callable[..., Judgement]:
    ready = Backtest(
        lambda now, reader: evaluator(SETTINGS, now, None, reader), Plan(), KnownBy.RECORDED, frozenset(), 20_000
    )
    reader = ready.line_reader(Counter())

    def judged(records: list[Json], *, closely: bool) -> Judgement:
        lines = [reader.read(msgspec.json.encode(record)) for record in records]
        kept = [line for line in lines if line.fate is Fate.KEPT]
        records_of = [Record(line.kind, line.id, line.raw, line.is_trigger or closely) for line in kept]
        return ready.judge(kept[0].patient, records_of, {})

    return judged


@pytest.mark.parametrize("number", one_in(5, range(1, 21)))
def test_a_chart_that_is_decided_once_is_decided_as_at_every_moment(
    number: int, judge: Callable[..., Judgement]
) -> None:
    records = list(patient(number, 60, 6, 5, "mixed"))
    once, each = judge(records, closely=False), judge(records, closely=True)
    assert once.counts["charts without a trigger, decided once"] == (number % 5 != 0)
    assert each.counts["charts without a trigger, decided once"] == 0
    assert len(once.judged) == 6
    assert [(one.asked.at, one.answer) for one in once.judged] == [(one.asked.at, one.answer) for one in each.judged]


PERSON: Json = {"resourceType": "Patient", "id": "q", "gender": "female", "birthDate": "1960-05-01"}
VISIT: Json = {
    "resourceType": "Encounter",
    "id": "e",
    "status": "finished",
    "class": {"code": "AMB"},
    "subject": {"reference": "Patient/q"},
    "period": {"start": "2025-03-11T10:00:00Z"},
}
OTHER = {"reference": "Patient/other"}
MERGED = {"link": [{"other": OTHER, "type": "replaced-by"}]}


@pytest.mark.parametrize(
    "records",
    [
        [PERSON, VISIT],
        [PERSON | {"id": "q", "deceasedBoolean": True}, VISIT],
        [PERSON | {"deceasedDateTime": "2025-03-01"}, VISIT],
        [PERSON | {"deceasedDateTime": "2025-04-01"}, VISIT],
        [PERSON | MERGED, VISIT],
        [PERSON | {"birthDate": "never"}, VISIT],
        [PERSON | {"gender": ["female"]}, VISIT],
        [PERSON | {"modifierExtension": [{"url": "x"}]}, VISIT],
        [PERSON, VISIT | {"patient": OTHER}],
        [PERSON, VISIT | {"contained": [{"resourceType": "Condition", "subject": OTHER}]}],
        [PERSON, VISIT | {"status": 7, "class": 7}],
        [VISIT],
        [PERSON, PERSON | {"gender": "male"}, VISIT],
    ],
)
def test_what_is_shared_among_charts_without_a_trigger_is_what_each_would_have_said(
    records: list[Json], judge: Callable[..., Judgement]
) -> None:
    judge([PERSON, VISIT], closely=False)  # from which an answer may be taken
    once, each = judge(records, closely=False), judge(records, closely=True)
    said = [[(one.asked.at, one.answer, one.refused, one.age) for one in of.judged] for of in (once, each)]
    assert said[0] == said[1]
