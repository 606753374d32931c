"""What each hook says (decisions D53), entry by entry: at signing, while ordering, at discharge, for a new problem."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.value_sets.value_set import VALUE_SETS
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]
Shown = list[tuple[str, str]]


def record(**more: list[Json]) -> Json:
    """The facts of a foot drop, and more beside them."""
    return FOOT_DROP | {member: [*FOOT_DROP.get(member, []), *facts] for member, facts in more.items()}


def problem(code: str, days: float | None = 1, **elements: Any) -> Json:
    return {"code": code, "clinical": "active", "verification": "confirmed", "onsetDaysAgo": days} | elements


def cards_of(ask: Ask, facts: Json, hook: str) -> list[Json]:
    reply = ask(vignettes.request(facts, hook, NOW))
    assert reply.status_code == 200, reply.text
    cards: list[Json] = reply.get_json()["cards"]
    return cards


# ---- which rules a hook asks ----

ORDERING = {
    "gabapentinoid-safety", "duloxetine-safety", "nsaid-safety", "mri-contraindication", "do-not-delay-imaging",
}  # fmt: skip
LEAVING = {
    "cauda-equina-emergency", "spinal-precautions", "neuraxis-mri", "lumbar-mri", "mri-contraindication",
    "spine-surgery-consult", "localisation-exam", "afo",
}  # fmt: skip
OPENING = {
    "data-check", "do-not-assume-peripheral", "early-mobilisation", "emg-ncs", "map-target",
    "pain-regimen", "pressure-injury-prevention", "prognosis-strength-trend", *LEAVING,
}  # fmt: skip
ADVICE = "discharge-advice"
RULES = OPENING | ORDERING | {ADVICE}
ASKED = {
    "patient-view": OPENING,
    "problem-list-item-create": OPENING,
    "encounter-discharge": LEAVING | {ADVICE},
    "order-select": ORDERING,
    "order-sign": ORDERING,
}


@pytest.mark.parametrize(("hook", "rules"), ASKED.items())
def test_which_rules_speak_at_a_hook_as_they_are_published(client: FlaskClient, hook: str, rules: set[str]) -> None:
    plans = [entry["resource"] for entry in client.get("/fhir/PlanDefinition").get_json()["entry"]]
    named = {
        plan["id"]
        for plan in plans
        for action in plan.get("action", ())
        for trigger in (*action.get("trigger", ()), *plan.get("trigger", ()))
        if trigger.get("name") == hook
    }
    assert named & RULES == rules


def shown(ask: Ask, facts: Json, hook: str) -> Shown:
    """The cards of an answer by rule and indicator, the first one first; those of a rule added later are not judged."""
    cards = [(card["source"]["topic"]["code"], card["indicator"]) for card in cards_of(ask, facts, hook)]
    return [card for card in cards if card[0] in RULES]


# ---- while orders are chosen and signed ----


def prescribed(medicine: str, **facts: list[Json]) -> Json:
    return record(draftOrders=[{"id": "d1", "resourceType": "MedicationRequest", "code": medicine}], **facts)


def requested(order: str, priority: str | None, **facts: list[Json]) -> Json:
    draft = {"id": "d1", "resourceType": "ServiceRequest", "code": order, "priority": priority}
    return record(draftOrders=[draft], **facts)


def pacemaker(safety: str | None) -> list[Json]:
    return [{"code": "cardiac-pacemaker", "mrSafety": safety}]


EMERGENCY = [{"code": "saddle-sensation", "value": "reduced", "daysAgo": 0}]
# card, indicator while it is chosen, whether it is shown at signing
ORDERS: list[tuple[str, str, bool, Json]] = [
    ("gabapentinoid-safety", "info", False, prescribed("gabapentin")),
    ("gabapentinoid-safety", "warning", True, prescribed("gabapentin", medications=[{"code": "oxycodone"}])),
    ("gabapentinoid-safety", "critical", True, prescribed("gabapentin", allergies=[{"code": "gabapentin"}])),
    ("duloxetine-safety", "warning", True, prescribed("duloxetine", medications=[{"code": "apixaban"}])),
    ("duloxetine-safety", "critical", True, prescribed("duloxetine", allergies=[{"code": "duloxetine"}])),
    ("nsaid-safety", "warning", True, prescribed("naproxen", medications=[{"code": "apixaban"}])),
    ("nsaid-safety", "critical", True, prescribed("naproxen", allergies=[{"code": "naproxen"}])),
    ("mri-contraindication", "info", False, requested("mri-lumbar", "urgent", devices=pacemaker("conditional"))),
    ("mri-contraindication", "warning", True, requested("mri-lumbar", "urgent", devices=pacemaker(None))),
    ("mri-contraindication", "critical", True, requested("mri-lumbar", "urgent", devices=pacemaker("unsafe"))),
    ("do-not-delay-imaging", "warning", False, requested("emg-ncs", None)),
    ("do-not-delay-imaging", "critical", True, requested("emg-ncs", None, observations=EMERGENCY)),
]


@pytest.mark.parametrize(
    ("card", "indicator", "is_signed_over", "facts"), ORDERS, ids=[f"{card} {level}" for card, level, *_ in ORDERS]
)
def test_every_card_speaks_while_choosing_and_at_signing_what_must_be_seen(
    ask: Ask, card: str, indicator: str, is_signed_over: bool, facts: Json
) -> None:
    assert shown(ask, facts, "order-select") == [(card, indicator)]
    assert shown(ask, facts, "order-sign") == ([(card, indicator)] if is_signed_over else [])


def drafted(*medicines: str) -> Json:
    drafts = [
        {"id": f"d{number}", "resourceType": "MedicationRequest", "code": code}
        for number, code in enumerate(medicines, 1)
    ]
    return record(draftOrders=drafts, allergies=[{"code": code} for code in medicines])


@pytest.mark.parametrize(
    ("selections", "chosen"),
    [
        (["MedicationRequest/d1"], {"nsaid-safety"}),
        (["MedicationRequest/d2"], {"duloxetine-safety"}),
        (["MedicationRequest/d1", "MedicationRequest/d2"], {"nsaid-safety", "duloxetine-safety"}),
        (["MedicationRequest/of-another-session"], {"nsaid-safety", "duloxetine-safety"}),
        (None, {"nsaid-safety", "duloxetine-safety"}),
    ],
)
def test_a_selection_counts_while_choosing_and_at_signing_every_draft_is_meant(
    ask: Ask, selections: list[str] | None, chosen: set[str]
) -> None:
    for hook, cards in (("order-select", chosen), ("order-sign", {"nsaid-safety", "duloxetine-safety"})):
        request = vignettes.request(drafted("naproxen", "duloxetine"), hook, NOW)
        request["context"]["selections"] = selections
        assert {card["source"]["topic"]["code"] for card in ask(request).get_json()["cards"]} == cards, hook


def test_a_draft_that_is_not_selected_is_context(ask: Ask) -> None:
    """An urgent MRI that is not selected answers the EMG that is; an anticoagulant beside the NSAID interacts."""
    emg = {"id": "d1", "resourceType": "ServiceRequest", "code": "emg-ncs"}
    mri = {"id": "d2", "resourceType": "ServiceRequest", "code": "mri-lumbar", "priority": "urgent"}
    facts = record(draftOrders=[emg, mri]) | {"selections": ["d1"]}
    assert shown(ask, facts, "order-select") == []
    nsaid = {"id": "d1", "resourceType": "MedicationRequest", "code": "naproxen"}
    blood_thinner = {"id": "d2", "resourceType": "MedicationRequest", "code": "apixaban"}
    facts = record(draftOrders=[nsaid, blood_thinner]) | {"selections": ["d1"]}
    assert shown(ask, facts, "order-select") == [("nsaid-safety", "warning")]


# ---- at discharge ----

RETURN = (
    "numbness around the genitals or anus",
    "bladder, bowel or sexual",
    "fever with back pain",
    "redness under an orthosis",
)
ROOT = {"code": "mri-lumbar", "daysAgo": 1, "lesion": "l5-root-compression", "lesionSide": "right", "level": "L5"}
STRONGER = {"code": "mrc-ankle-dorsiflexion", "value": 4, "daysAgo": 5, "side": "right"}
LEAVERS: list[tuple[Json, Shown]] = [
    (record(), [("lumbar-mri", "warning"), ("localisation-exam", "warning"), ("afo", "info")]),
    (record(observations=EMERGENCY), [("cauda-equina-emergency", "critical"), ("afo", "info")]),
    (
        record(devices=pacemaker("unsafe")),
        [("mri-contraindication", "warning"), ("localisation-exam", "warning"), ("afo", "info")],
    ),
    (record(conditions=[problem("spinal-cord-injury")]), [("spinal-precautions", "critical")]),
    (
        record(observations=[{"code": "babinski", "value": "present", "daysAgo": 0}]),
        [("neuraxis-mri", "critical"), ("afo", "info")],
    ),
    (
        record(observations=[STRONGER], reports=[ROOT]),
        [("spine-surgery-consult", "warning"), ("neuraxis-mri", "warning"), ("afo", "info")],
    ),
]


@pytest.mark.parametrize(("facts", "cards"), LEAVERS, ids=[cards[0][0] for _, cards in LEAVERS])
def test_at_discharge_what_is_outstanding_is_shown_and_each_card_says_what_to_return_for(
    ask: Ask, facts: Json, cards: Shown
) -> None:
    assert shown(ask, facts, "encounter-discharge") == cards
    assert set(cards) <= set(shown(ask, facts, "patient-view"))
    for card in cards_of(ask, facts, "encounter-discharge"):
        assert all(words in card["detail"] for words in RETURN)
        assert card["detail"].count("return at once") == 1, "the advice for an opened chart is replaced"


def test_every_card_of_the_discharge_was_seen_above() -> None:
    assert {card for _, cards in LEAVERS for card, _ in cards} == LEAVING


def test_the_return_advice_is_given_alone_when_no_other_card_gives_it(ask: Ask) -> None:
    screen = ("saddle-sensation", "bladder-dysfunction", "bowel-dysfunction")
    answers = [{"code": code, "value": "normal" if "saddle" in code else "absent", "daysAgo": 0} for code in screen]
    ordered = [{"code": "mri-lumbar", "priority": "urgent", "daysAgo": 1}]
    settled = record(observations=answers, serviceRequests=ordered, deviceRequests=[{"code": "afo", "daysAgo": 1}])
    assert shown(ask, settled, "encounter-discharge") == [(ADVICE, "info")]
    (card,) = cards_of(ask, settled, "encounter-discharge")
    assert all(words in card["detail"] for words in RETURN)


# ---- when a problem is added ----

ASKING = {
    "foot-drop", "cauda-equina-syndrome", "saddle-sensory-loss", "bladder-dysfunction", "bowel-dysfunction",
    "sexual-dysfunction", "spasticity", "hyperreflexia", "spinal-cord-injury", "spinal-trauma-suspected",
    "cancer-active", "cancer-history", "spinal-infection-risk",
}  # fmt: skip
PROBLEMS = sorted(key.removeprefix("condition.") for key in VALUE_SETS if key.startswith("condition."))


def said(ask: Ask, facts: Json, hook: str) -> list[tuple[str, str, str]]:
    return [
        (card["source"]["topic"]["code"], card["indicator"], card["summary"]) for card in cards_of(ask, facts, hook)
    ]


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_new_problem_asks_what_an_opened_chart_asks_or_nothing(ask: Ask, code: str) -> None:
    new = problem(code)
    answer = said(ask, FOOT_DROP | {"newConditions": [new]}, "problem-list-item-create")
    opened = said(ask, record(conditions=[new]), "patient-view")
    assert answer == (opened if code in ASKING else [])
    assert bool(answer) == (code in ASKING)


@pytest.mark.parametrize("status", [{"clinical": "resolved"}, {"verification": "refuted"}])
def test_a_new_problem_that_does_not_count_asks_nothing(ask: Ask, status: Json) -> None:
    new = problem("cauda-equina-syndrome") | status
    assert shown(ask, FOOT_DROP | {"newConditions": [new]}, "problem-list-item-create") == []


def test_one_of_several_new_problems_is_enough(ask: Ask) -> None:
    new = [problem("copd"), problem("cauda-equina-syndrome"), problem("heart-failure")]
    cards = shown(ask, FOOT_DROP | {"newConditions": new}, "problem-list-item-create")
    assert ("cauda-equina-emergency", "critical") in cards
    assert shown(ask, FOOT_DROP | {"newConditions": []}, "problem-list-item-create") == []
