"""The dose of a day that a prescription states, and the lower one that is offered, through HTTP.

Without a clearance the label allows 3600 mg of gabapentin a day, with an eGFR of 45 it allows 1400 mg.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]

HALF_THE_KIDNEY = {"code": "egfr", "value": 45, "daysAgo": 1}


def quantity(value: float, unit: str = "mg") -> Json:
    return {"doseQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}}


def take(frequency: Any, period: Any, unit: Any, *rates: Json) -> Json:
    """An instruction: so often in a period, of each doseAndRate."""
    repeat = {"frequency": frequency, "period": period, "periodUnit": unit}
    return {"timing": {"repeat": repeat}, "doseAndRate": list(rates)}


def card(ask: Ask, *instructions: Json, observations: tuple[Json, ...] = (), medicine: str = "gabapentin") -> Json:
    """The card about gabapentin that is being ordered with these instructions."""
    facts = {**FOOT_DROP, "observations": [*FOOT_DROP["observations"], *observations]}
    request = vignettes.request(facts, "order-select", NOW)
    draft = {
        "resourceType": "MedicationRequest", "id": "d1", "status": "draft", "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": medicine},
        "dosageInstruction": list(instructions),
    }  # fmt: skip
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    del request["context"]["selections"]
    reply = ask(request)
    assert reply.status_code == 200, reply.text
    cards = [each for each in reply.get_json()["cards"] if each["source"]["topic"]["code"] == "gabapentinoid-safety"]
    assert len(cards) == 1, "whatever the dose is, the card is shown"
    shown: Json = cards[0]
    return shown


DOSE = quantity(1400)

TOGETHER_4200_MG = {
    "three times a day": [take(3, 1, "d", DOSE)],
    "every 8 hours": [take(1, 8, "h", DOSE)],
    "every 480 minutes": [take(1, 480, "min", DOSE)],
    "21 times a week": [take(21, 1, "wk", DOSE)],
    "42 times in 2 weeks": [take(42, 2, "wk", DOSE)],
    "6 times in 2 days": [take(6, 2, "d", DOSE)],
    "in grams": [take(3, 1, "d", quantity(1.4, "g"))],
    "in two instructions": [take(1, 1, "d", DOSE), take(1, 12, "h", DOSE)],
    "ordered and calculated alike": [take(3, 1, "d", DOSE, DOSE)],
    "ordered in milligrams and calculated in grams": [take(3, 1, "d", DOSE, quantity(1.4, "g"))],
}


@pytest.mark.parametrize("instructions", TOGETHER_4200_MG.values(), ids=list(TOGETHER_4200_MG))
def test_the_dose_of_a_day_is_read_in_every_form(ask: Ask, instructions: list[Json]) -> None:
    shown = card(ask, *instructions)
    assert shown["indicator"] == "critical"
    assert "4200 mg/day" in shown["summary"]


UNKNOWN = {
    "the calculated dose is higher than the ordered": [take(3, 1, "d", DOSE, quantity(1500))],
    "the calculated dose is lower than the ordered": [take(3, 1, "d", quantity(1500), DOSE)],
    "three doses, of which the last differs": [take(3, 1, "d", DOSE, DOSE, quantity(1500))],
    "the calculated dose cannot be read": [take(3, 1, "d", DOSE, quantity(14, "{tbl}"))],
    "a calculated rate beside the dose": [take(3, 1, "d", DOSE, {"rateQuantity": {"value": 1, "code": "mg/h"}})],
    "of one of two instructions": [take(3, 1, "d", DOSE), {"text": "one more in pain"}],
    "a bound": [take(3, 1, "d", {"doseQuantity": {"value": 1400, "code": "mg", "comparator": "<"}})],
    "no value": [take(3, 1, "d", {"doseQuantity": {"code": "mg"}})],
    "a negative dose": [take(3, 1, "d", quantity(-1400))],
    "a negative dose beside a high one": [take(3, 1, "d", DOSE), take(1, 1, "d", quantity(-100))],
    "a unit of no mass": [take(3, 1, "d", quantity(1400, "mL"))],
    "no unit": [take(3, 1, "d", {"doseQuantity": {"value": 1400}})],
    "no doseAndRate": [take(3, 1, "d")],
    "no timing": [{"doseAndRate": [DOSE]}],
    "a frequency of nothing": [take(0, 1, "d", DOSE)],
    "a negative frequency": [take(-3, -1, "d", DOSE)],
    "a period of nothing": [take(3, 0, "d", DOSE)],
    "months": [take(300, 1, "mo", DOSE)],
    "years": [take(3000, 1, "a", DOSE)],
    "seconds": [take(1, 28800, "s", DOSE)],
    "no period unit": [take(3, 1, None, DOSE)],
    "no instruction": [],
}


@pytest.mark.parametrize("instructions", UNKNOWN.values(), ids=list(UNKNOWN))
def test_a_dose_that_is_not_certain_is_unknown(ask: Ask, instructions: list[Json]) -> None:
    shown = card(ask, *instructions)
    assert shown["indicator"] == "info"
    assert "mg/day" not in shown["summary"]


# ---- the lower dose ----


def lowered(shown: Json) -> list[Json]:
    """The drafts that the card's suggestions send back."""
    actions = [action for suggestion in shown.get("suggestions", ()) for action in suggestion["actions"]]
    return [action["resource"] for action in actions if action["type"] == "update"]


@pytest.mark.parametrize(
    ("medicine", "instruction", "dose"),
    [
        ("gabapentin", take(3, 1, "d", DOSE), 300),
        ("gabapentin", take(1, 8, "h", DOSE), 300),
        ("gabapentin", take(21, 1, "wk", DOSE), 300),
        ("gabapentin", take(1, 2, "d", quantity(3000)), 300),
        ("gabapentin", take(15, 1, "d", quantity(100)), 300),
        ("gabapentin", take(3, 1, "d", quantity(1.4, "g")), 0.3),
        ("pregabalin", take(3, 1, "d", quantity(150)), 75),
        ("pregabalin", take(12, 1, "d", quantity(50)), 75),
    ],
    ids=str,
)
def test_the_renal_dose_is_written_and_named_alike(ask: Ask, medicine: str, instruction: Json, dose: float) -> None:
    """With half the kidney gabapentin 300 mg and pregabalin 75 mg, twice a day (D90): order, button and detail."""
    shown = card(ask, instruction, observations=(HALF_THE_KIDNEY,), medicine=medicine)
    (draft,) = lowered(shown)
    assert draft["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == dose
    assert draft["dosageInstruction"][0]["timing"] == {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
    words = f"{medicine} {300 if medicine == 'gabapentin' else 75} mg twice a day"
    assert words in shown["detail"]
    assert shown["suggestions"][0]["label"] == words.replace(medicine, f"Reduce {medicine} to")


def test_how_long_it_is_taken_stays_and_a_code_of_the_old_timing_goes(ask: Ask) -> None:
    instruction = take(3, 1, "d", DOSE)
    instruction["timing"]["repeat"]["boundsDuration"] = {"value": 10, "unit": "d"}
    instruction["timing"]["code"] = {"text": "TID"}
    (draft,) = lowered(card(ask, instruction, observations=(HALF_THE_KIDNEY,)))
    timing = draft["dosageInstruction"][0]["timing"]
    assert timing["repeat"]["boundsDuration"]["value"] == 10
    assert "code" not in timing


@pytest.mark.parametrize(
    ("medicine", "instruction", "dose"),
    [
        ("gabapentin", take(3, 1, "d", DOSE), 1200),
        ("gabapentin", take(1, 8, "h", DOSE), 1200),
        ("gabapentin", take(14, 1, "d", quantity(300)), 200),
        ("pregabalin", take(4, 1, "d", quantity(300)), 150),
    ],
    ids=str,
)
def test_with_unknown_kidneys_the_lower_dose_is_the_largest_within_the_label(
    ask: Ask, medicine: str, instruction: Json, dose: float
) -> None:
    """In whole capsules, as often as it was written: at most 3600 and 600 mg a day."""
    (draft,) = lowered(card(ask, instruction, medicine=medicine))
    assert draft["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == dose


@pytest.mark.parametrize(
    "rates", [(DOSE, DOSE), (DOSE, quantity(1.4, "g")), (DOSE, DOSE, DOSE)], ids=["two", "in grams", "three"]
)
def test_no_doseandrate_of_several_keeps_the_old_dose(ask: Ask, rates: tuple[Json, ...]) -> None:
    """An ordered and a calculated dose say the same: a draft with one of them lowered would say two doses."""
    shown = card(ask, take(3, 1, "d", *rates), observations=(HALF_THE_KIDNEY,))
    assert shown["indicator"] == "critical"
    for draft in lowered(shown):
        for rate in draft["dosageInstruction"][0]["doseAndRate"]:
            stated = rate["doseQuantity"]
            assert 0 < stated["value"] * (1000 if stated["code"] == "g" else 1) <= 300


def test_a_dose_that_cannot_be_lowered_is_left_and_the_card_says_the_dose(ask: Ask) -> None:
    instructions = [take(1, 1, "d", quantity(1400)), take(2, 1, "d", quantity(700))]
    shown = card(ask, *instructions, observations=(HALF_THE_KIDNEY,))
    assert shown["indicator"] == "critical"
    assert "400-1400 mg/day" in shown["summary"]
    assert "gabapentin 300 mg twice a day" in shown["detail"]
    assert lowered(shown) == []
    assert [each["label"] for each in shown["suggestions"]] == ["Remove gabapentin"]


def test_one_capsule_is_too_much_already_as_often_as_it_is_written(ask: Ask) -> None:
    shown = card(ask, take(40, 1, "d", quantity(100)))
    assert shown["indicator"] == "critical"
    assert lowered(shown) == []
