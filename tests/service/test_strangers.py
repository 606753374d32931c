"""No fact of another patient reaches a card, wherever his records stand and however they say whose they are."""

from __future__ import annotations

from typing import Any

import pytest

from cards.record.prefetch_keys import PREFETCH_KEYS
from tests.corpora import strangers
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOTHING, NOW, Ask
from tests.support.sampling import one_in

Json = dict[str, Any]
Shown = list[tuple[str, str, str]]

_NAPROXEN = {"draftOrders": [{"id": "d1", "resourceType": "MedicationRequest", "code": "naproxen"}]}
PATIENTS: dict[str, tuple[str, Json]] = {
    "nothing on record": ("patient-view", NOTHING),
    "a foot drop": ("patient-view", FOOT_DROP),
    "an order": ("order-sign", FOOT_DROP | _NAPROXEN),
}
PARTS = 48


def shown(ask: Ask, request: Json) -> Shown | None:
    """What the cards say; None when the request is refused: as another patient's, or as none of what was asked for."""
    reply = ask(request)
    assert strangers.MARK.lower() not in reply.text.lower()
    assert reply.status_code in (200, 412, 422), reply.text
    if reply.status_code != 200:
        assert "p2" not in reply.text
        return None
    cards = reply.get_json()["cards"]
    return [(card["source"]["topic"]["code"], card["indicator"], card["summary"]) for card in cards]


def test_there_are_enough() -> None:
    assert sum(len(set(strangers.ways(hook))) for hook, _ in PATIENTS.values()) >= 500


def test_each_record_changes_the_cards_of_its_own_patient(ask: Ask) -> None:
    """Else the test below would show nothing."""
    hook, facts = PATIENTS["a foot drop"]
    alone = shown(ask, vignettes.request(facts, hook, NOW))
    assert alone
    for kind in ("Condition", "Observation", "DiagnosticReport", "ServiceRequest", "Device"):
        record = strangers.records()[kind] | {
            "subject": {"reference": "Patient/p1"},
            "patient": {"reference": "Patient/p1"},
        }
        record.pop("id")
        for name in ("code", "type"):
            record.get(name, {}).pop("text", None)
        request = vignettes.request(facts | {"devices": [], "reports": [], "serviceRequests": []}, hook, NOW)
        for bundle in request["prefetch"].values():
            if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle":
                bundle.setdefault("entry", []).append({"resource": record})
        assert shown(ask, request) != alone, kind


@pytest.mark.parametrize("part", one_in(PARTS, range(PARTS)))
def test_no_fact_of_another_patient_is_on_a_card(ask: Ask, part: int) -> None:
    """An answer is that which the patient's own record leads to, or there is none."""
    for name, (hook, facts) in PATIENTS.items():
        own = shown(ask, vignettes.request(facts, hook, NOW))
        for kind, place, way in strangers.ways(hook)[part::PARTS]:
            seen = shown(ask, strangers.request(hook, facts, kind, place, way))
            assert (
                seen is None
                or seen == own
                or _says_less(kind if "Bundle" not in way else "Bundle", place, seen, own or [])
            ), (name, kind, place, way)


def _says_less(kind: str, key: str, seen: Shown, own: Shown) -> bool:
    """Whether the cards are those of the patient, less what cannot be seen any more.

    A key that holds another type than was asked for has not been read; and what stood under a key that holds one
    resource is gone.
    """
    if {topic for topic, _, _ in seen} > {topic for topic, _, _ in own}:
        return False
    is_one = key in ("patient", "encounter")
    is_another = key not in PREFETCH_KEYS or PREFETCH_KEYS[key].resource_type != kind
    return is_one or (is_another and all(line in own or "could not be read" in line[2] for line in seen))
