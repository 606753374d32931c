"""What holds for every patient, tried on drawn ones: through real FHIR and every rule, on every hook."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cards.decide import decide
from cards.language.verdict import Card, Plan
from cards.orders.catalogue import CATALOGUE
from cards.rule_book import rule_book
from tests.support import cases
from tests.support.charts import HOOKS, Patient, fixed, patients
from tests.support.drawn import TWO_DRAFTS, asked, decided, joined, reordered, unrelated, without_count
from tests.support.facts import RED_FLAGS, UMN_SIGNS, Facts, no, yes
from tests.support.known import KNOWN

RULES = rule_book().rules
ORDER = list(RULES)
MOST_CARDS = 5

URGENT = ("urgent", "asap", "stat")
RANK = {"critical": 3, "warning": 2, "info": 1}
ENCODINGS = st.none() | st.integers(0, 1000)
MIRRORED = {"left": "right", "right": "left"}
NORMAL_ANSWERS = (*UMN_SIGNS, *RED_FLAGS, "slr", "tinel-fibular-head", "sensation-dorsum-foot", "progression-rapid")
GROUNDS = frozenset({"foot-drop", "spinal-cord-injury", "spinal-trauma-suspected"})
# The cards that ask for imaging or name the emergency: one of them may come in place of a quieter one.
NEEDS = frozenset(
    {
        "cauda-equina-emergency", "neuraxis-mri", "lumbar-mri", "mri-contraindication", "spinal-precautions",
        "do-not-delay-imaging",
    }
)  # fmt: skip


def cards(facts: Facts, hook: str) -> list[tuple[str, Card]]:
    """The cards that are shown, by rule id."""
    return [(shown.rule.id, shown.card) for shown in decide(cases.chart(facts, hook), rule_book()).shown]


def indicators(facts: Facts, hook: str) -> dict[str, str]:
    """The indicator of each card that is shown."""
    return {id: card.indicator.value for id, card in cards(facts, hook)}


def highest(found: dict[str, str]) -> int:
    """3 critical, 2 warning, 1 info, 0 nothing."""
    return max((RANK[each] for each in found.values()), default=0)


def words(found: list[tuple[str, Card]]) -> list[tuple[str, ...]]:
    """What a card says, without what it orders."""
    return [(id, card.indicator.value, card.summary, card.detail, card.return_advice) for id, card in found]


# ---- 1 mirror ----


def mirror(facts: Facts) -> Facts:
    """The same patient with left and right exchanged."""
    return {
        member: [_mirrored(one) for one in value] if isinstance(value, list) else value
        for member, value in facts.items()
    }


def _mirrored(one: Any) -> Any:
    if not isinstance(one, dict):
        return one
    sides = {name: MIRRORED.get(one[name], one[name]) for name in ("side", "lesionSide") if name in one}
    return {**one, **sides}


def _ordered(card: Card, sides: dict[str, str]) -> list[tuple[str, str, str]]:
    plans = [plan for suggestion in card.suggestions for plan in suggestion.plans]
    return sorted(
        (plan.key, plan.priority, sides.get(plan.side, plan.side)) if isinstance(plan, Plan) else ("change", "", "")
        for plan in plans
    )


@fixed(80)
@given(patients(), ENCODINGS)
def test_left_and_right_are_alike(patient: Patient, encoding: int | None) -> None:
    seen, reflected = (
        decided(asked(facts, patient.hook, encoding)) for facts in (patient.facts, mirror(patient.facts))
    )
    assert [(id, card.indicator, _ordered(card, MIRRORED)) for id, card in seen] == [
        (id, card.indicator, _ordered(card, {})) for id, card in reflected
    ]


# ---- 2 order ----


@fixed(80)
@example(TWO_DRAFTS, None, 0)
@given(patients(), ENCODINGS, st.integers(0, 1000))
def test_the_order_of_records_and_drafts_changes_nothing(patient: Patient, encoding: int | None, order: int) -> None:
    request = asked(patient.facts, patient.hook, encoding)
    assert words(decided(reordered(request, Random(order), codings=False))) == words(decided(request))


@fixed(80)
@given(patients(), ENCODINGS, st.integers(0, 1000))
def test_the_order_of_codings_changes_no_card(patient: Patient, encoding: int | None, order: int) -> None:
    """Of a concept that means several things, even: only the words may follow its first coding."""
    request = joined(asked(patient.facts, patient.hook, encoding), Random(order))
    again = decided(reordered(request, Random(order), codings=True))
    assert [(id, card.indicator) for id, card in again] == [(id, card.indicator) for id, card in decided(request)]


# ---- 3 unrelated ----


@fixed(60)
@given(patients(), unrelated())
def test_records_that_no_rule_reads_change_nothing(patient: Patient, more: dict[str, list[Any]]) -> None:
    request = asked(patient.facts, patient.hook)
    before = words(decided(request))
    for key, resources in more.items():
        request["prefetch"][key]["entry"] += [{"resource": resource} for resource in resources]
    assert words(decided(request)) == before


@fixed(120)
@given(patients(), without_count())
def test_records_that_do_not_count_change_nothing(patient: Patient, more: Facts) -> None:
    added = {member: [*patient.facts.get(member, []), *found] for member, found in more.items()}
    before, after = cards(patient.facts, patient.hook), cards({**patient.facts, **added}, patient.hook)
    if {"code": "lumbar-decompression"} in more.get("procedures", ()):
        # an operation without a date lies in no window, but a spine once operated is imaged with contrast
        assert [(id, card.indicator) for id, card in after] == [(id, card.indicator) for id, card in before]
    else:
        assert words(after) == words(before)


# ---- 4 worse never lowers ----


def newest_grade(facts: Facts, code: str, side: str) -> int | None:
    """The newest grade of a muscle on that side in 30 days; of two at one time the lower."""
    found = [
        (one["daysAgo"], one["value"])
        for one in facts.get("observations", ())
        if one["code"] == code and one.get("side") in (side, "bilateral") and one.get("daysAgo", 99) <= 30
        if one.get("status") in (None, "preliminary") and one["value"] in range(6)
    ]
    return int(min(found)[1]) if found else None


def is_sided(facts: Facts) -> bool:
    """Whether every foot-drop code and every dorsiflexion grade has its side (D7)."""
    coded = [*facts.get("conditions", ()), *facts.get("newConditions", ())]
    graded = [one for one in facts.get("observations", ()) if one["code"] == "mrc-ankle-dorsiflexion"]
    return all("side" in one for one in [*graded, *(one for one in coded if one["code"] == "foot-drop")])


def worse(facts: Facts) -> Iterator[Facts]:
    """A new red flag, a new UMN sign, or a grade one lower than the newest; today."""
    for code in (*RED_FLAGS, *UMN_SIGNS):
        yield {"code": code, "value": yes(code), "daysAgo": 0}
    for code in ("mrc-ankle-dorsiflexion", "mrc-inversion", "mrc-hip-abduction"):
        for side in ("left", "right"):
            grade = newest_grade(facts, code, side)
            if grade and (code != "mrc-ankle-dorsiflexion" or is_sided(facts)):
                yield {"code": code, "value": grade - 1, "daysAgo": 0, "side": side}


def may_go(change: Facts, facts: Facts) -> set[str]:
    """The cards below critical whose question is answered, or whose pattern is gone, by this change."""
    answered = {"localisation-exam", "emg-ncs", "data-check"}
    if change["code"] in ("mrc-inversion", "mrc-hip-abduction"):
        return answered | {"neuraxis-mri", "do-not-delay-imaging"}
    if change["code"] == "mrc-ankle-dorsiflexion" and change["value"] == 0:
        return answered | {"spine-surgery-consult"}  # D82
    ordered = [*facts.get("serviceRequests", ()), *facts.get("draftOrders", ())]
    is_met = any("mri-lumbar" in one["code"] and one.get("priority") in URGENT for one in ordered)
    return answered | {"do-not-delay-imaging"} if change["code"] in RED_FLAGS and is_met else answered  # D88


def is_of_another_question(patient: Patient, change: Facts, before: dict[str, str], after: dict[str, str]) -> bool:
    """Whether the change asks another question: the child's ground is gone (D83), or another foot drops (D78)."""
    age = (patient.facts.get("patient") or {}).get("age")
    is_adolescent = age is not None and 12 <= age <= 17
    if is_adolescent and change["code"] in ("mrc-inversion", "mrc-hip-abduction"):
        return True
    return change["code"] == "mrc-ankle-dorsiflexion" and ("data-check" in after or "data-check" in before)


@fixed(80)
@given(patients())
def test_worse_never_lowers_critical_nor_the_highest(patient: Patient) -> None:
    before = indicators(patient.facts, patient.hook)
    for change in worse(patient.facts):
        observations = [*patient.facts.get("observations", []), change]
        after = indicators({**patient.facts, "observations": observations}, patient.hook)
        if is_of_another_question(patient, change, before, after):
            continue
        if highest(before) == 3:
            assert highest(after) == 3, (change, before, after)
        if "data-check" in before and "data-check" not in after:
            continue  # the other foot drops now, or a code counts again: another side, onset and pattern decide
        gone = {id for id, indicator in before.items() if RANK[indicator] > highest(after)}
        assert gone <= may_go(change, patient.facts), (change, before, after)


# ---- 5 unknown is never reassurance ----


def normal_answers(facts: Facts) -> Iterator[int]:
    """Where the normal answers stand that may be taken away."""
    for place, one in enumerate(facts.get("observations", ())):
        is_normal = one["code"] in NORMAL_ANSWERS and one["value"] == no(one["code"])
        if is_normal and not _proves_that_todays_is_new(one, facts):
            yield place


def _proves_that_todays_is_new(one: Facts, facts: Facts) -> bool:
    """An older normal answer after a chronic code of the same item (D18)."""
    coded = {"saddle-sensation": "saddle-sensory-loss"}.get(one["code"], one["code"])
    chronic = any(
        each["code"] == coded and (each.get("onsetDaysAgo") or 0) > 14
        for each in (*facts.get("conditions", ()), *facts.get("newConditions", ()))
    )
    return chronic and any(
        each["code"] == one["code"] and each.get("daysAgo", 99) < one.get("daysAgo", 99)
        for each in facts["observations"]
    )


def is_replaced(id: str, before: dict[str, str], after: dict[str, str]) -> bool:
    """Whether a need at least as high came in the card's place, or five others of its rank pushed it out."""
    rank = RANK[before[id]]
    came = {other for other in after if RANK[after[other]] > RANK.get(before.get(other, ""), 0)}
    pushed = len(after) == MOST_CARDS and all(RANK[each] >= rank for each in after.values())
    return pushed or any(RANK[after[other]] >= rank for other in came & NEEDS)


@fixed(150)
@given(patients())
def test_unknown_is_never_reassurance(patient: Patient) -> None:
    before = indicators(patient.facts, patient.hook)
    for place in normal_answers(patient.facts):
        observations = list(patient.facts["observations"])
        taken = observations.pop(place)
        after = indicators({**patient.facts, "observations": observations}, patient.hook)
        assert highest(after) >= highest(before), (taken, before, after)
        gone = {id for id, indicator in before.items() if RANK[indicator] >= 2 and id not in after}
        assert all(is_replaced(id, before, after) for id in gone), (taken, before, after)


# ---- 6 a routine order ----


@fixed(80)
@given(patients())
def test_a_routine_order_never_removes_a_critical_card(patient: Patient) -> None:
    before = indicators(patient.facts, patient.hook)
    critical = {id for id, indicator in before.items() if indicator == "critical"}
    for key in [key for key in CATALOGUE if key.startswith("order.") and critical]:
        code = key.removeprefix("order.")
        member = "deviceRequests" if code == "afo" else "serviceRequests"
        order = {"code": code, "status": "active", "priority": "routine", "daysAgo": 0}
        after = indicators({**patient.facts, member: [*patient.facts.get(member, []), order]}, patient.hook)
        kept = critical - {"spinal-precautions"} if code == "spinal-precautions" else critical
        assert {id: after.get(id) for id in kept} == dict.fromkeys(kept, "critical"), (code, before, after)


# ---- 7 bounds ----


def has_ground(facts: Facts) -> bool:
    """Foot drop, a weak dorsiflexion, an injured cord or spine, or spinal precautions: anything to speak about."""
    codes = {one["code"] for one in facts.get("conditions", ())}
    weak = any(
        one["code"] == "mrc-ankle-dorsiflexion" and one["value"] in range(5) for one in facts.get("observations", ())
    )
    ordered = any(one["code"] == "spinal-precautions" for one in facts.get("serviceRequests", ()))
    return bool(codes & GROUNDS) or weak or ordered


def check_bounds(patient: Patient) -> set[str]:
    """The rules whose cards are shown: at most five, each once, in order, and none without a ground."""
    shown_cards = cards(patient.facts, patient.hook)
    ids = {id for id, _ in shown_cards}
    assert len(ids) == len(shown_cards) <= MOST_CARDS
    places = [(-card.indicator.rank, ORDER.index(id)) for id, card in shown_cards]
    assert places == sorted(places)
    indicators_shown = [card.indicator.value for _, card in shown_cards]
    assert not ("afo" in ids and "critical" in indicators_shown and len(ids) > 2)  # D85
    assert "discharge-advice" not in ids or len(ids) == 1  # D73
    if patient.hook in ("patient-view", "encounter-discharge") and not has_ground(patient.facts):
        assert not shown_cards
    return ids


@fixed(150)
@given(patients())
def test_at_most_five_cards_each_once_in_order(patient: Patient) -> None:
    check_bounds(patient)


@pytest.mark.long
def test_the_drawn_patients_reach_every_rule() -> None:
    spoke: set[str] = set()
    hook_draws = ((HOOKS, 150), (("patient-view",), 2000), (("order-select",), 600), (("encounter-discharge",), 150))
    for hooks, draws in hook_draws:
        fixed(draws)(given(patients(hooks))(lambda patient: spoke.update(check_bounds(patient))))()
    assert spoke >= KNOWN


# ---- 8 reports ----


@fixed(60)
@given(
    patients(("patient-view", "encounter-discharge")), st.sampled_from(["mri-lumbar", "mri-whole-spine", "ct-lumbar"])
)
def test_a_report_that_names_nothing_never_ends_an_emergency(patient: Patient, study: str) -> None:
    """D61: a critical card is in its place, but for a consult since or a decompression.

    The flag is open: nothing that the patient has on record answers it as normal since.
    """
    flag = {"code": "saddle-sensation", "value": "reduced", "daysAgo": 1}
    others = [one for one in patient.facts.get("observations", []) if one["code"] != flag["code"]]
    open_flag = {**patient.facts, "observations": [*others, flag]}
    open_flag["serviceRequests"] = [
        one for one in open_flag.get("serviceRequests", []) if one["code"] != "spine-surgery-consult"
    ]
    open_flag["procedures"] = []
    if indicators(open_flag, patient.hook).get("cauda-equina-emergency") != "critical":
        return
    report = {"code": study, "daysAgo": 0.1}
    answered = {**open_flag, "reports": [*open_flag.get("reports", []), report]}
    assert highest(indicators(answered, patient.hook)) == 3


@fixed(40)
@given(
    patients(("patient-view", "encounter-discharge")).map(lambda patient: Patient(_groundless(patient), patient.hook))
)
def test_without_a_ground_nothing_is_shown(patient: Patient) -> None:
    assert not has_ground(patient.facts)
    assert not cards(patient.facts, patient.hook)


def _groundless(patient: Patient) -> Facts:
    """The patient without anything to speak about."""
    apart = {*GROUNDS, "mrc-ankle-dorsiflexion", "spinal-precautions"}
    return {
        member: [one for one in value if one["code"] not in apart] if isinstance(value, list) else value
        for member, value in patient.facts.items()
    }
