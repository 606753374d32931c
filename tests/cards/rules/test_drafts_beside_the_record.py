"""A prescription that is being written, beside what the record holds of the same medicine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]


def order(medicine: str, status: str, identity: str = "d1", dose: float = 1400) -> Json:
    """A prescription of three doses a day."""
    return {
        "resourceType": "MedicationRequest", "id": identity, "status": status, "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": medicine},
        "dosageInstruction": [{
            "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": {"value": dose, "unit": "mg", "code": "mg"}}],
        }],
    }  # fmt: skip


def cards(ask: Ask, draft: Json, *recorded: Json, **facts: list[Json]) -> list[Json]:
    request = vignettes.request({**FOOT_DROP, **facts}, "order-sign", NOW)
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    request["prefetch"]["medications"]["entry"] = [{"resource": each} for each in recorded]
    reply = ask(request)
    assert reply.status_code == 200, reply.text
    found: list[Json] = reply.get_json()["cards"]
    return found


@pytest.mark.parametrize("medicine", ["gabapentin", "pregabalin"])
def test_a_lower_dose_is_never_offered_of_a_medicine_that_the_patient_is_allergic_to(ask: Ask, medicine: str) -> None:
    (over,) = cards(ask, order(medicine, "draft"))
    assert "update" in {action["type"] for each in over["suggestions"] for action in each["actions"]}
    (allergic,) = cards(ask, order(medicine, "draft"), allergies=[{"code": medicine}])
    assert allergic["indicator"] == "critical"
    assert "update" not in {action["type"] for each in allergic["suggestions"] for action in each["actions"]}
    (best,) = (each for each in allergic["suggestions"] if each.get("isRecommended"))
    assert [action["type"] for action in best["actions"]] == ["delete"]


@pytest.mark.parametrize(("identity", "interacts"), [("d1", False), ("another", True)])
def test_a_prescription_does_not_interact_with_itself(ask: Ask, identity: str, interacts: bool) -> None:
    """An order that is renewed stands in the record as well; a second one of the same medicines is taken beside it."""
    medicine = "naproxen with aspirin"
    recorded = order(medicine, "active", identity, dose=100)
    found = cards(ask, order(medicine, "draft", dose=100), recorded)
    assert [card["source"]["topic"]["code"] for card in found] == (["nsaid-safety"] if interacts else [])
