"""The orders of an answer together are complete enough that radiology and surgery need not ring back."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.findings import SCREEN
from cards.value_sets.systems import EXAM, SNOMED
from service.app import create_app
from service.settings import Settings
from tests.support import vignettes
from tests.support.created_orders import created, is_scan, named, side
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]

CAUDA_EQUINA = "192970008"


def scans(ask: Ask, facts: Json, rule: str, hook: str = "patient-view") -> list[Json]:
    cards = ask(vignettes.request(facts, hook, NOW)).get_json()["cards"]
    (card,) = (card for card in cards if card["source"]["topic"]["code"] == rule)
    return [order for order in created(card) if is_scan(order)]


def test_the_note_names_implant_pregnancy_anticoagulant_and_a_low_egfr(ask: Ask) -> None:
    facts = {
        **FOOT_DROP,
        "conditions": [*FOOT_DROP["conditions"], {"code": "pregnancy", "onsetDaysAgo": 168, "gestationWeeks": 24}],
        "devices": [{"code": "cardiac-pacemaker", "mrSafety": "conditional"}],
        "medications": [{"code": "apixaban"}],
        "observations": [*FOOT_DROP["observations"], {"code": "egfr", "value": 45, "daysAgo": 2}],
    }
    (scan,) = scans(ask, facts, "lumbar-mri")
    (note,) = scan["note"]
    assert note["text"].endswith(
        "For radiology: implant: Cardiac pacemaker, MR conditional; pregnant, 24 weeks; takes apixaban; "
        "eGFR 45 mL/min/1.73 m2 on 2026-02-28."
    )


@pytest.mark.parametrize("egfr", [59, 60])
def test_an_egfr_of_60_is_said_only_where_contrast_is_asked(ask: Ask, egfr: int) -> None:
    observed = [*FOOT_DROP["observations"], {"code": "egfr", "value": egfr, "daysAgo": 2}]
    (plain,) = scans(ask, {**FOOT_DROP, "observations": observed}, "lumbar-mri")
    assert (f"eGFR {egfr}" in plain["note"][0]["text"]) == (egfr < 60)
    operated = [{"code": "lumbar-decompression", "daysAgo": 400}]
    (contrast,) = scans(ask, {**FOOT_DROP, "observations": observed, "procedures": operated}, "lumbar-mri")
    assert f"eGFR {egfr}" in contrast["note"][0]["text"]


def test_the_emergency_is_the_first_reason_and_the_foot_drop_the_last(ask: Ask) -> None:
    flagged = [
        *FOOT_DROP["observations"],
        {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0},
        {"code": "clonus", "value": "present", "daysAgo": 0},
        {"code": "hyperreflexia", "value": "present", "daysAgo": 0},
    ]
    (scan,) = scans(ask, {**FOOT_DROP, "observations": flagged}, "cauda-equina-emergency")
    cauda, *signs, drop = scan["reasonCode"]
    assert [coding["code"] for coding in cauda["coding"]] == [CAUDA_EQUINA]
    assert [sign["text"] for sign in signs] == ["Clonus", "Hyperreflexia"]
    assert "coding" not in signs[0], "no code of clonus is verified"
    assert signs[1]["coding"][0]["system"] == SNOMED
    assert drop["text"] == "Foot drop"
    (plain,) = scans(ask, FOOT_DROP, "lumbar-mri")
    assert [reason["text"] for reason in plain["reasonCode"]] == ["Foot drop"]


OF_A_FOOT = (
    "mrc-inversion", "mrc-hip-abduction", "mrc-toe-extension", "mrc-eversion", "babinski", "sensation-dorsum-foot",
)  # fmt: skip


def sides(ask: Ask, facts: Json) -> dict[str, list[Any]]:
    """The side of the EMG order and of every finding that is to be recorded, by its code; each once."""
    cards = ask(vignettes.request(facts, "patient-view", NOW)).get_json()["cards"]
    stated: dict[str, list[Any]] = {}
    for order in (order for card in cards for order in created(card)):
        coding = order.get("code", {}).get("coding", [{}])[0]
        if coding.get("system") == EXAM or named(order).startswith("EMG"):
            stated.setdefault(coding["code"] if coding["system"] == EXAM else "emg", []).append(side(order))
    return stated


@pytest.mark.parametrize(("dropped", "words"), [("left", "Left"), ("right", "Right"), (None, None)])
def test_the_emg_and_every_finding_of_a_foot_carry_the_side_that_is_known(
    ask: Ask, dropped: str | None, words: str | None
) -> None:
    facts = {"conditions": [{"code": "foot-drop", "onsetDaysAgo": 3, **({"side": dropped} if dropped else {})}]}
    stated = sides(ask, facts)
    expected = [str([words] if words else [])]
    assert {code: stated[code] for code in ("emg", *OF_A_FOOT)} == dict.fromkeys(("emg", *OF_A_FOOT), expected)
    assert all(stated[code] == ["[]"] for code in SCREEN), "the screen is of no side"


def test_both_feet_are_recorded_one_by_one(ask: Ask) -> None:
    stated = sides(ask, {"conditions": [{"code": "foot-drop", "side": "bilateral", "onsetDaysAgo": 100}]})
    assert all(stated[code] == ["['Left']", "['Right']"] for code in OF_A_FOOT)
    assert stated["emg"] == ["['Bilateral']"]


def test_the_new_order_beside_a_draft_that_is_not_valid_says_it_too(client: FlaskClient) -> None:
    worse = {**FOOT_DROP["observations"][0], "value": 4, "daysAgo": 3}
    request = vignettes.request({**FOOT_DROP, "observations": [worse, *FOOT_DROP["observations"]]}, "order-select", NOW)
    draft = {
        "resourceType": "ServiceRequest",
        "id": "d1",
        "status": "draft",
        "intent": "nonsense",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "30679-5"}]},
    }
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    request["context"].pop("selections", None)
    cards = client.post("/cds-services/foot-drop-order-select", json=request).get_json()["cards"]
    beside = [order for card in cards for order in created(card) if is_scan(order)]
    assert beside
    assert all("For radiology: " in order["note"][0]["text"] for order in beside)


def test_a_site_sees_the_same_orders_once(foot_drop: Json) -> None:
    """A code that the site adds does not make an order another one."""
    codes = {"order.mri-lumbar": {"https://codes.ehr.example/imaging": ["MRLS"]}}
    reply = (
        create_app(Settings(codes=codes), now=NOW, dev=True)
        .test_client()
        .post("/cds-services/foot-drop-patient-view", json=foot_drop)
    )
    offering = [card for card in reply.get_json()["cards"] if any(is_scan(order) for order in created(card))]
    assert len(offering) == 1
