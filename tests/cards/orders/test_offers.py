"""Where an order stays that several cards of one answer want, what the other cards say of it, and what it gathers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cards.findings import LUMBAR_MRI, SPINE_CT, WHOLE_SPINE_MRI
from cards.findings.order_notes import emergencies
from cards.language.verdict import Card, Indicator, Plan, Redose, Remove, Reprioritise, Suggestion
from cards.offers import reads_of_orders, settled
from cards.orders.catalogue import is_imaging
from cards.record.chart import Chart
from cards.record.facts import Draft
from cards.rule_book import rule_book
from tests.support.cases import chart
from tests.support.patients import FOOT_DROP

AFO, CONSULT, EMG = "order.afo", "order.spine-surgery-consult", "order.emg-ncs"
LUMBAR, LUMBAR_CONTRAST = LUMBAR_MRI
WHOLE, WHOLE_CONTRAST = WHOLE_SPINE_MRI
CT, MYELOGRAM = SPINE_CT
PLAIN = "For radiology: no implant on record; no anticoagulant or antiplatelet on record."
CONTRAST = PLAIN.replace("record.", "record; no eGFR in a year.")
DRAFT = Draft(reference="ServiceRequest/d1", type="ServiceRequest", keys=(LUMBAR,))


def of_foot_drop() -> Chart:
    return chart(FOOT_DROP, "patient-view")


def card(*suggestions: Suggestion, detail: str = "Detail.") -> Card:
    return Card(indicator=Indicator.WARNING, summary="S.", detail=detail, because=(), suggestions=suggestions)


def offer(*plans: Any, recommended: bool = False, label: str = "Order") -> Suggestion:
    return Suggestion(label=label, plans=plans, is_recommended=recommended)


def keys(cards: Sequence[Card]) -> list[list[list[str]]]:
    """The keys of the orders of each button of each card."""
    return [
        [[plan.key for plan in one.plans if isinstance(plan, Plan)] for one in settled_card.suggestions]
        for settled_card in cards
    ]


def plans(cards: Sequence[Card]) -> list[Plan]:
    return [plan for one in cards for offered in one.suggestions for plan in offered.plans if isinstance(plan, Plan)]


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        *(
            (lower, higher, "below")
            for lower, higher in (("routine", "urgent"), ("urgent", "asap"), ("asap", "stat"), ("routine", "stat"))
        ),
        *((higher, lower, "above") for lower, higher in (("routine", "urgent"), ("urgent", "asap"), ("asap", "stat"))),
        ("urgent", "urgent", "above"),
    ],
)
def test_an_order_stays_where_it_is_most_urgent_then_where_it_comes_first(first: str, second: str, place: str) -> None:
    cards = [card(offer(Plan(key=EMG, priority=priority))) for priority in (first, second)]
    settled_cards = settled(of_foot_drop(), cards)
    kept, gone = (1, 0) if place == "below" else (0, 1)
    assert keys(settled_cards)[kept] == [[EMG]]
    assert keys(settled_cards)[gone] == []
    (plan,) = plans(settled_cards)
    assert plan.priority == (second if place == "below" else first)
    assert settled_cards[kept].detail == "Detail."
    assert settled_cards[gone].detail.startswith("Detail.\n\nIncluded in the order " + place + ": EMG")


@pytest.mark.parametrize(
    ("key", "first", "second", "kept"),
    [(EMG, False, True, 1), (EMG, True, True, 0), (EMG, True, False, 0), (LUMBAR, False, True, 0)],
)
def test_an_order_stays_where_it_is_recommended_but_for_imaging(key: str, first: bool, second: bool, kept: int) -> None:
    cards = [card(offer(Plan(key=key), recommended=recommended)) for recommended in (first, second)]
    assert keys(settled(of_foot_drop(), cards))[kept] == [[key]]
    urgent = [card(offer(Plan(key=EMG, priority="urgent"))), card(offer(Plan(key=EMG), recommended=True))]
    assert keys(settled(of_foot_drop(), urgent)) == [[[EMG]], []], "urgency comes before"


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        (Plan(key=AFO, side="left"), Plan(key=AFO, side="left"), True),
        (Plan(key=AFO, side="left"), Plan(key=AFO, side="right"), False),
        (Plan(key=AFO), Plan(key=EMG), False),
        (Plan(key=LUMBAR), Plan(key=WHOLE), True),
        (Plan(key=LUMBAR, side="left"), Plan(key=LUMBAR_CONTRAST), True),
        (Plan(key=CT), Plan(key=MYELOGRAM), True),
        (Plan(key=CT), Plan(key=LUMBAR), False),
    ],
)
def test_which_orders_are_the_same(first: Plan, second: Plan, is_same: bool) -> None:
    cards = settled(of_foot_drop(), [card(offer(first)), card(offer(second))])
    assert len(plans(cards)) == (1 if is_same else 2)
    assert (cards[1].detail == "Detail.") is not is_same


@pytest.mark.parametrize(
    ("first", "second", "covering"),
    [
        (LUMBAR, LUMBAR, LUMBAR),
        (LUMBAR, LUMBAR_CONTRAST, LUMBAR_CONTRAST),
        (LUMBAR_CONTRAST, LUMBAR, LUMBAR_CONTRAST),
        (LUMBAR, WHOLE, WHOLE),
        (WHOLE, LUMBAR, WHOLE),
        (WHOLE, LUMBAR_CONTRAST, WHOLE_CONTRAST),
        (LUMBAR, WHOLE_CONTRAST, WHOLE_CONTRAST),
        (CT, MYELOGRAM, CT),
        (MYELOGRAM, CT, MYELOGRAM),
    ],
)
def test_the_scan_that_stays_shows_what_all_of_them_show(first: str, second: str, covering: str) -> None:
    cards = settled(of_foot_drop(), [card(offer(Plan(key=first))), card(offer(Plan(key=second)))])
    (plan,) = plans(cards)
    assert plan.key == covering
    assert plan.note == (CONTRAST if covering in (LUMBAR_CONTRAST, WHOLE_CONTRAST, MYELOGRAM) else PLAIN)
    if covering in (LUMBAR, LUMBAR_CONTRAST):
        assert "lumbar" in cards[1].detail
    if covering in (WHOLE, WHOLE_CONTRAST):
        assert "whole spine" in cards[1].detail.lower()


def test_the_order_that_stays_gathers_notes_and_reasons_once() -> None:
    first = Plan(key=EMG, note="First.", reasons=("Condition/a", "Condition/b"))
    second = Plan(key=EMG, note="Second.", reasons=("Condition/b", "Condition/c"))
    cards = [card(offer(first)), card(offer(second)), card(offer(first, label="Again"))]
    (plan,) = plans(settled(of_foot_drop(), cards))
    assert plan.note == "First. Second."
    assert plan.reasons == ("Condition/a", "Condition/b", "Condition/c")
    (empty,) = plans(settled(of_foot_drop(), [card(offer(Plan(key=EMG))), card(offer(second))]))
    assert empty.note.strip() == "Second."


def test_of_several_orders_on_one_button_those_that_are_elsewhere_go() -> None:
    both = offer(Plan(key=LUMBAR), Plan(key=CONSULT), label="Both")
    cards = settled(of_foot_drop(), [card(offer(Plan(key=LUMBAR, priority="stat"))), card(both)])
    assert keys(cards) == [[[LUMBAR]], [[CONSULT]]]
    alone = offer(Plan(key=CONSULT), label="Alone")
    cards = settled(of_foot_drop(), [card(offer(Plan(key=LUMBAR, priority="stat"))), card(both, alone)])
    assert [one.label for one in cards[1].suggestions] == ["Alone"], "what is left of the button is another button"
    cards = settled(of_foot_drop(), [card(offer(Plan(key=EMG), Plan(key=CONSULT))), card(both)])
    assert keys(cards) == [[[EMG, CONSULT]], [[LUMBAR]]]


def test_what_is_elsewhere_is_said_by_place_and_each_once() -> None:
    middle = card(offer(Plan(key=EMG)), offer(Plan(key=LUMBAR)), offer(Plan(key=AFO, side="left")), detail="")
    cards = [card(offer(Plan(key=EMG, priority="stat"), Plan(key=AFO, side="left", priority="stat"))), middle]
    cards.append(card(offer(Plan(key=WHOLE, priority="stat"))))
    above, below = settled(of_foot_drop(), cards)[1].detail.split("\n\n")
    assert above.startswith("Included in the order above: EMG")
    assert above.endswith("and ankle-foot orthosis, left.")
    assert below.startswith("Included in the order below: ")


@pytest.mark.parametrize("key", [LUMBAR, CT, CONSULT, EMG, AFO])
@pytest.mark.parametrize("is_flagged", [False, True])
def test_a_scan_and_the_surgeon_are_told_of_the_emergency(key: str, is_flagged: bool) -> None:
    flag = [{"code": "saddle-sensation", "value": "reduced", "daysAgo": 0}] if is_flagged else []
    facts = {**FOOT_DROP, "observations": [*FOOT_DROP["observations"], *flag]}
    (plan,) = plans(settled(chart(facts, "patient-view"), [card(offer(Plan(key=key, note="Note.")))]))
    assert bool(plan.emergencies) == (is_flagged and key in (LUMBAR, CT, CONSULT))
    assert plan.note == ("Note." if key in (CONSULT, EMG, AFO) else f"Note. {PLAIN}")


def test_a_draft_that_is_changed_says_what_a_new_order_would() -> None:
    change = Reprioritise(draft=DRAFT, priority="urgent")
    redose, remove = Redose(draft=DRAFT, daily_mg=600, step_mg=100), Remove(draft=DRAFT)
    (only,) = settled(of_foot_drop(), [card(offer(change, redose, remove))])
    (suggestion,) = only.suggestions
    changed, *others = suggestion.plans
    assert others == [redose, remove]
    assert isinstance(changed, Reprioritise)
    assert changed.note.endswith(PLAIN)
    assert "oot drop" in changed.note
    (nothing,) = settled(chart({}, "patient-view"), [card(offer(change))])
    (bare,) = nothing.suggestions[0].plans
    assert isinstance(bare, Reprioritise)
    assert bare.note == PLAIN


def test_a_card_without_orders_stays_as_it_is() -> None:
    plain = card()
    first, second = settled(of_foot_drop(), [plain, card(offer(Plan(key=EMG)))])
    assert first is plain
    assert second.detail == "Detail."


def test_a_rule_reads_what_its_orders_say() -> None:
    """A scan tells radiology of kidneys, implants and blood thinners; a scan and the surgeon, of the emergency."""
    told = {"order.scan": 0, "order.surgeon": 0, "order.other": 0}
    for rule in rule_book().rules.values():
        images = any(is_imaging(key) for key in rule.suggests)
        reads = reads_of_orders(rule)
        assert ("observation.egfr" in reads) is images, rule.id
        assert (emergencies.reads <= reads) is (images or CONSULT in rule.suggests), rule.id
        assert bool(reads) is (images or CONSULT in rule.suggests), rule.id
        told["order.scan" if images else "order.surgeon" if CONSULT in rule.suggests else "order.other"] += 1
    assert all(told.values()), "each kind of rule is among them"
