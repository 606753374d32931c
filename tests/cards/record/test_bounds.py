"""What is too long, or raises while it is read, is left out and named; the rest of the record counts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from cards.record.chart import Chart
from cards.record.decoding import read_resource
from cards.record.defects import MOST_DEFECTS, Defect, Defects
from cards.record.elements import LONGEST_LIST, LONGEST_TEXT, Reference
from cards.record.records import Bundle, Condition
from tests.support.hostile.growing import record
from tests.support.patients import NOW


def _read(resource: dict[str, Any]) -> tuple[Chart, list[Defect]]:
    defects: list[Defect] = []
    bundle = {"resourceType": "Bundle", "entry": [{"resource": resource | {"id": "one"}}]}
    read = read_resource(msgspec.json.encode(bundle), "key", defects)
    assert isinstance(read, Bundle)
    records = [entry.resource for entry in read.entry or () if entry.resource is not None]
    chart = Chart("p1", NOW, records)
    return chart, [*defects, *chart.defects]


def _grade(value: str) -> dict[str, Any]:
    one = record("observations", code="mrc-ankle-dorsiflexion", value="x", daysAgo=1)
    return one | {"valueString": value}


def test_a_text_as_long_as_any_counts() -> None:
    chart, defects = _read(_grade("2".ljust(LONGEST_TEXT)))
    assert [reading.value for reading in chart.readings("mrc-ankle-dorsiflexion")] == [2]
    assert defects == []


def test_a_longer_text_counts_as_unread_and_is_named() -> None:
    chart, defects = _read(_grade("2".ljust(LONGEST_TEXT + 1)))
    assert chart.readings("mrc-ankle-dorsiflexion") == []
    assert ("valueString", f"is longer than {LONGEST_TEXT} characters") in [(d.element, d.why) for d in defects]


def test_a_longer_name_leaves_the_codes_beside_it() -> None:
    medicine = record("medications", code="gabapentin")
    medicine["medicationCodeableConcept"]["text"] = "x" * (LONGEST_TEXT + 1)
    chart, defects = _read(medicine)
    assert len(chart.medicines("medication.gabapentin")) == 1
    assert [defect.element for defect in defects] == ["text"]


def test_beyond_the_thousandth_element_a_list_is_not_read_and_that_is_named() -> None:
    problem = record("conditions", code="foot-drop")
    (coding,) = problem["code"]["coding"][:1]
    strange = [{"system": "https://ehr.example/codes", "code": f"{number}"} for number in range(LONGEST_LIST)]
    first, _ = _read(problem | {"code": {"coding": [coding, *strange]}})
    last, defects = _read(problem | {"code": {"coding": [*strange, coding]}})
    assert len(first.problems("condition.foot-drop")) == 1
    assert last.problems("condition.foot-drop") == []
    assert [defect.element for defect in defects] == [f"element {LONGEST_LIST + 1} of a list"]


@pytest.mark.parametrize("member", ["bodySite", "onsetPeriod"])
def test_a_record_that_raises_costs_itself_and_its_key_is_read_in_part(member: str) -> None:
    """No JSON is known to make one raise; this one is made to, with a member of a type that decoding never gives."""
    code = Raw(msgspec.json.encode(record("conditions", code="foot-drop")["code"]))
    good = Condition(id="good", subject=Reference("Patient/p1"), code=code)
    broken = Condition(id="broken", subject=Reference("Patient/p1"), code=code)
    setattr(broken, member, 5)
    chart = Chart("p1", NOW, [broken, good])
    assert [problem.reference for problem in chart.problems("condition.foot-drop")] == ["Condition/good"]
    assert chart.unseen == {"conditions"}
    assert any(defect.where == "Condition/broken" and defect.dropped for defect in chart.defects)


@pytest.mark.parametrize("stray", ["1", '"x"', "true", "[]", "[{}]"])
def test_entries_that_are_none_are_counted_and_the_first_hundred_are_named(stray: str) -> None:
    problem = msgspec.json.encode({"resource": record("conditions", code="foot-drop")}).decode()
    entries = ",".join([stray] * 150 + ["null", problem] + [stray] * 50)
    defects = Defects()
    bundle = read_resource(f'{{"resourceType":"Bundle","entry":[{entries}]}}'.encode(), "key", defects)
    assert isinstance(bundle, Bundle)
    assert [type(entry.resource) for entry in bundle.entry or ()] == [Condition]
    assert [defect.element for defect in defects] == [f"element {n} of a list" for n in range(1, MOST_DEFECTS + 1)]
    assert defects.total == 200
