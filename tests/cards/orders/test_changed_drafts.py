"""How a draft is sent back: the lowered dose in the form that it had, all else as it came; and which drafts are not."""

from __future__ import annotations

import json
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.orders.changes import LONGEST_DRAFT
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW

Json = dict[str, Any]

HALF_THE_KIDNEY = {"code": "egfr", "value": 45, "daysAgo": 1}
WORSE = [
    {"code": "mrc-ankle-dorsiflexion", "value": 4, "daysAgo": 3, "side": "right"},
    {"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 0, "side": "right"},
]
MRI: Json = {
    "resourceType": "ServiceRequest", "id": "d1", "status": "draft", "intent": "order",
    "subject": {"reference": "Patient/p1"}, "code": {"coding": [{"system": "http://loinc.org", "code": "30679-5"}]},
}  # fmt: skip
MOST = 3600  # mg of gabapentin a day, with unknown kidneys
CAPSULE = 100  # mg, the smallest


def gabapentin(*instructions: Json, **elements: Any) -> Json:
    """A draft prescription of patient p1."""
    core = {"resourceType": "MedicationRequest", "id": "d1", "status": "draft", "intent": "order"}
    whose = {"subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "gabapentin"}}
    return core | whose | {"dosageInstruction": list(instructions)} | elements


def take(frequency: int, period: float, unit: str, /, **dose: Any) -> Json:
    """An instruction: so often in a period, of one dose."""
    repeat = {"frequency": frequency, "period": period, "periodUnit": unit}
    return {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": dose}]}


def sent_back(client: FlaskClient, draft: Json | str, *observations: Json) -> list[Json]:
    """The drafts that the cards send back; a decimal is the text that it is written in."""
    request = vignettes.request({**FOOT_DROP, "observations": list(observations)}, "order-select", NOW)
    request["context"] |= {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": "HERE"}]}}
    del request["context"]["selections"]
    body = json.dumps(request).replace('"HERE"', draft if isinstance(draft, str) else json.dumps(draft))
    reply = client.post("/cds-services/foot-drop-order-select", data=body, content_type="application/json")
    assert reply.status_code == 200, reply.text
    cards = json.loads(reply.text, parse_float=str)["cards"]
    suggestions = [suggestion for card in cards for suggestion in card.get("suggestions", ())]
    actions = [action for suggestion in suggestions for action in suggestion["actions"]]
    return [action["resource"] for action in actions if action["type"] == "update"]


def lowered(client: FlaskClient, instruction: Json, *observations: Json) -> Json:
    """The one instruction of the one draft that is sent back."""
    (draft,) = sent_back(client, gabapentin(instruction), *observations)
    (changed,) = draft["dosageInstruction"]
    return dict(changed)


def dose(instruction: Json) -> Any:
    """The amount that an instruction states, as it is written."""
    return instruction["doseAndRate"][0]["doseQuantity"]["value"]


# ---- the dose ----

PER_DAY = {"min": Fraction(1, 1440), "h": Fraction(1, 24), "d": Fraction(1), "wk": Fraction(7)}


@pytest.mark.parametrize(
    ("frequency", "period", "unit"),
    [
        *((1, hours, "h") for hours in (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 24, 48)),
        *((1, minutes, "min") for minutes in (90, 240, 360, 480, 720, 1440)),
        *((times, 1, "wk") for times in (1, 2, 7, 14, 21)),
        *((times, 1, "d") for times in (1, 2, 3, 4, 5, 6, 7, 9, 12, 35, 36)),
        (7, 2, "d"), (21, 2, "wk"), (3, 12, "h"),
    ],
)  # fmt: skip
def test_the_dose_is_the_most_whole_capsules_within_the_day(
    client: FlaskClient, frequency: int, period: int, unit: str
) -> None:
    """In exact numbers: no capsule is lost to a third of a day, and none is gained."""
    day = MOST / (Fraction(frequency) / (period * PER_DAY[unit]))
    instruction = lowered(client, take(frequency, period, unit, value=50_000, unit="mg"))
    assert dose(instruction) == floor(day / CAPSULE) * CAPSULE
    assert instruction["timing"]["repeat"] == {"frequency": frequency, "period": period, "periodUnit": unit}


@pytest.mark.parametrize(
    ("frequency", "written"), [(1, "3.6"), (2, "1.8"), (3, "1.2"), (4, "0.9"), (12, "0.3"), (36, "0.1")]
)
def test_a_dose_in_grams_stays_in_grams_without_needless_digits(
    client: FlaskClient, frequency: int, written: str
) -> None:
    assert dose(lowered(client, take(frequency, 1, "d", value=50, unit="g", code="g"))) == written


def test_a_whole_number_of_grams_is_written_as_one(client: FlaskClient) -> None:
    assert dose(lowered(client, take(1, 40, "h", value=90, unit="g"))) == 6
    assert dose(lowered(client, take(1, 10, "d", value=90, unit="g"))) == 36
    assert dose(lowered(client, take(1, 100, "d", value=900, unit="g"))) == 360


def test_no_dose_is_left_when_one_capsule_is_too_much(client: FlaskClient) -> None:
    assert dose(lowered(client, take(36, 1, "d", value=200, unit="mg"))) == CAPSULE
    assert sent_back(client, gabapentin(take(37, 1, "d", value=200, unit="mg"))) == []


@pytest.mark.parametrize(
    ("named", "is_lowered"),
    [
        ({"unit": "mg"}, True),
        ({"code": "mg"}, True),
        ({"unit": "milligram", "code": "mg"}, True),
        ({"unit": "g", "code": "g"}, True),
        ({"unit": "MG"}, False),
        ({"unit": "mg", "code": "milligram"}, False),
    ],
)
def test_the_unit_is_that_of_the_code_where_there_is_one(
    client: FlaskClient, named: dict[str, str], is_lowered: bool
) -> None:
    """What cannot be written back as it stands is left to the clinician."""
    drafts = sent_back(client, gabapentin(take(1, 1, "d", value=9000, **named)))
    assert len(drafts) == is_lowered
    for draft in drafts:
        quantity = draft["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
        assert quantity == {"value": "3.6" if named.get("unit") == "g" else MOST, **named}


@pytest.mark.parametrize("observations", [(), (HALF_THE_KIDNEY,)], ids=["as often", "twice a day"])
def test_the_words_of_the_old_dose_go_and_all_else_stays(client: FlaskClient, observations: tuple[Json, ...]) -> None:
    instruction = take(3, 1, "d", value=1400, unit="mg") | {"sequence": 1, "text": "old", "patientInstruction": "x"}
    (draft,) = sent_back(client, gabapentin(instruction, note=[{"text": "kept"}]), *observations)
    assert draft["note"] == [{"text": "kept"}]
    assert {element: draft["dosageInstruction"][0].get(element) for element in ("sequence", "text")} == {
        "sequence": 1,
        "text": None,
    }
    assert draft["dosageInstruction"][0]["patientInstruction"] == "x"
    assert draft["status"] == "draft"
    assert "priority" not in draft


@pytest.mark.parametrize(
    ("bounds", "value"),
    [
        ("boundsDuration", {"value": 10, "unit": "d"}),
        ("boundsPeriod", {"start": "2026-03-02"}),
        ("boundsRange", {"low": {"value": 1}}),
    ],
)
def test_another_frequency_keeps_how_long_and_drops_when_of_the_day(
    client: FlaskClient, bounds: str, value: Json
) -> None:
    instruction = take(3, 2, "wk", value=9000, unit="mg")
    instruction["timing"]["repeat"] |= {bounds: value, "when": ["MORN"], "dayOfWeek": ["mon"], "count": 9}
    instruction["timing"]["event"] = ["2026-03-02"]
    changed = lowered(client, instruction, HALF_THE_KIDNEY)
    assert changed["timing"] == {"repeat": {bounds: value, "frequency": 2, "period": 1, "periodUnit": "d"}}


def test_an_ordered_and_a_calculated_dose_are_not_rewritten(client: FlaskClient) -> None:
    instruction = take(1, 1, "d", value=9000, unit="mg")
    instruction["doseAndRate"] *= 2
    assert sent_back(client, gabapentin(instruction)) == []


def test_of_several_instructions_none_is_rewritten(client: FlaskClient) -> None:
    instruction = take(1, 1, "d", value=9000, unit="mg")
    assert len(sent_back(client, gabapentin(instruction))) == 1
    assert sent_back(client, gabapentin(instruction, instruction)) == []


# ---- which drafts are sent back at all ----


def padded(draft: Json, size: int) -> str:
    """The draft in so many bytes."""
    plain = json.dumps(draft | {"note": [{"text": ""}]})
    return plain.replace('{"text": ""}', f'{{"text": "{"x" * (size - len(plain))}"}}')


@pytest.mark.parametrize(("beyond", "count"), [(0, 1), (1, 0)])
def test_a_draft_of_64_kibibytes_is_sent_back_and_a_longer_one_is_not(
    client: FlaskClient, beyond: int, count: int
) -> None:
    draft = gabapentin(take(1, 1, "d", value=9000, unit="mg"))
    assert LONGEST_DRAFT == 64 * 1024
    assert len(sent_back(client, padded(draft, 64 * 1024 + beyond))) == count
    assert len(sent_back(client, padded(MRI, 64 * 1024 + beyond), *WORSE)) == count


@pytest.mark.parametrize("identity", [None, 5, ["d1"], "_not_an_id_"])
def test_a_draft_without_an_id_or_with_an_odd_one_is_not_sent_back(client: FlaskClient, identity: Any) -> None:
    assert sent_back(client, gabapentin(take(1, 1, "d", value=9000, unit="mg"), id=identity)) == []
    assert sent_back(client, MRI | {"id": identity}, *WORSE) == []
    assert len(sent_back(client, MRI, *WORSE)) == 1


def test_a_draft_that_names_nobody_is_sent_back_as_the_patients(client: FlaskClient) -> None:
    nobodys = {element: value for element, value in MRI.items() if element != "subject"}
    for draft in (nobodys, nobodys | {"subject": None}):
        (update,) = sent_back(client, draft, *WORSE)
        assert update["subject"] == {"reference": "Patient/p1"}
    (update,) = sent_back(client, MRI | {"subject": {"reference": "Patient/p1", "display": "A"}}, *WORSE)
    assert update["subject"] == {"reference": "Patient/p1", "display": "A"}


@pytest.mark.parametrize("number", ["1e999999999", "1" * 5000, "1e400"])
def test_a_number_that_nobody_can_read_keeps_its_draft_from_being_sent_back(client: FlaskClient, number: str) -> None:
    draft = json.dumps(MRI | {"quantityQuantity": {"value": "N"}}).replace('"N"', number)
    assert sent_back(client, draft, *WORSE) == []


def test_a_draft_whose_patient_cannot_be_read_is_judged_and_not_sent_back(client: FlaskClient) -> None:
    nobodys = {"identifier": {"value": "1"}}
    assert sent_back(client, MRI | {"subject": nobodys}, *WORSE) == []
    assert sent_back(client, gabapentin(take(1, 1, "d", value=9000, unit="mg"), subject=nobodys)) == []
