"""Hypothesis strategies for patients in the facts of the cases: every rule, both sides, every window's edge.

A patient is drawn as lists of small facts by theme, so that a counterexample shrinks to the few that matter.
The draws are always the same; `pytest --draws 20` draws twenty times as many, `--anew` draws others each time.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.support.facts import (
    DRUGS,
    FOUND,
    HURT,
    MEDICINES,
    MRI,
    ORDERS,
    RED_FLAGS,
    REPORTED,
    RISKS,
    SUSPECTS,
    UMN_SIGNS,
    Drawn,
    Facts,
    Strategy,
    all_of,
    encounter,
    fact,
    finding,
    implant,
    medicine,
    no,
    one_of,
    order,
    person,
    problem,
    sides_by,
    together,
    yes,
)

# Set by conftest.py: how many are drawn, as a factor, and whether they differ each time.
share, anew = 1.0, False

HOOKS = ("patient-view", "order-select", "order-sign", "problem-list-item-create", "encounter-discharge")


class Patient(NamedTuple):
    """The facts of a patient, and the hook that asks about them."""

    facts: Facts
    hook: str


def fixed(examples: int) -> settings:
    """The settings of every test over drawn patients: the same patients on every machine."""
    return settings(
        max_examples=max(1, round(examples * share)),
        derandomize=not anew,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )


@st.composite
def patients(draw: st.DrawFn, hooks: tuple[str, ...] = HOOKS) -> Patient:
    """A patient and a hook; most have foot drop, mostly of one side, and half of them no other danger sign."""
    hook = draw(st.sampled_from([*hooks[:2], *hooks]))
    home = draw(st.sampled_from(["right", "left", "bilateral", None]))
    is_calm, is_hurt = draw(st.booleans()), draw(_rarely(4))
    themes = [
        _few(_foot_drop(home), 3),
        _examined() if is_calm else st.just([]),
        _few(_examination(home, is_calm), 6),
        _few(_problems(home, is_calm), 3),
        _few(_studies_and_orders(home), 4),
        _few(_injury(), 8) if is_hurt else st.just([]),
        _few(_prescribing(), 6) if hook.startswith("order") or draw(_rarely(3)) else st.just([]),
    ]
    if hook == "encounter-discharge" and draw(_rarely(3)):
        themes = [_few(_foot_drop(home), 1), _arranged()]
    facts = together(one for theme in themes for piece in draw(theme) for one in piece)
    facts |= {"patient": draw(person()), "encounter": draw(encounter(is_hurt))}
    if hook.startswith("order"):
        facts |= draw(_drafts())
    if hook == "problem-list-item-create":
        facts |= together(one for piece in draw(_few(_new_problem(home), 2)) for one in piece)
    return Patient({member: value for member, value in facts.items() if value or member == "patient"}, hook)


@cache
def _few(pieces: Strategy, most: int) -> st.SearchStrategy[list[list[Drawn]]]:
    return st.lists(pieces, max_size=most)


@cache
def _rarely(times: int) -> st.SearchStrategy[bool]:
    return st.sampled_from([False] * (times - 1) + [True])


# The foot


@cache
def _foot_drop(home: str | None) -> Strategy:
    coded = problem("foot-drop", side=sides_by(home))
    both, lost = all_of(coded, _grade(home)), _loss(home)
    return st.one_of(coded, _grade(home), both, lost, both, all_of(coded, lost))


def _grade(home: str | None) -> Strategy:
    value = one_of(2, 3, 4, 1, 0, 3, 4, 5, 6, "garbage")
    return finding("mrc-ankle-dorsiflexion", value, one_of(*FOUND), sides_by(home))


def _loss(home: str | None) -> Strategy:
    """A grade, and a higher one some days before it."""
    now, before = one_of(0, 1, 3, 13.9, 14, 14.1), one_of(3, 7, 13.9, 14, 14.1, 28)
    worse = finding("mrc-ankle-dorsiflexion", one_of(2, 3, 1, 4), now, home)
    return all_of(worse, finding("mrc-ankle-dorsiflexion", one_of(4, 3, 5), before, home))


# The examination


@cache
def _examination(home: str | None, is_calm: bool) -> Strategy:
    days, sides = one_of(*FOUND), sides_by(home)
    muscles = one_of("mrc-inversion", "mrc-hip-abduction")
    others = one_of("mrc-toe-extension", "mrc-eversion", "mrc-plantar-flexion", "mrc-knee-extension")
    harmless = [
        finding("ambulatory", one_of("yes", "yes", "no"), days),
        finding("pain-nrs", st.integers(0, 10), days),
        finding(muscles, one_of(5, 4, 3), days, sides),
        _strong(home),
        _answered(("slr", "tinel-fibular-head", "sensation-dorsum-foot"), days, sides),
        finding(others, one_of(2, 4, 5), days, sides),
    ]
    alarming = [
        _answered(RED_FLAGS, days, None),
        _answered(UMN_SIGNS, days, st.none() | sides),
        finding("progression-rapid", one_of("present", "absent"), days),
        _screen(),
        _no_umn(),
    ]
    return st.one_of(harmless if is_calm else harmless + alarming)


@cache
def _examined() -> st.SearchStrategy[list[list[Drawn]]]:
    return st.tuples(_screen(), _no_umn()).map(list)


@cache
def _arranged() -> st.SearchStrategy[list[list[Drawn]]]:
    """Everything that a card would ask for is examined, ordered and supplied."""
    scan = fact("serviceRequests", code="mri-lumbar", priority="urgent", daysAgo=one_of(0.5, 1))
    return st.tuples(_screen(), scan, fact("deviceRequests", code="afo", daysAgo=1)).map(list)


def _answered(codes: tuple[str, ...], days: object, sides: object) -> Strategy:
    """A yes or no, mostly yes."""
    return st.one_of([
        finding(code, one_of(yes(code), yes(code), no(code), no(code), "garbage"), days, sides) for code in codes
    ])  # fmt: skip


def _on_one_day(codes: tuple[str, ...], days: tuple[float, ...]) -> Strategy:
    return one_of(*days).flatmap(lambda day: all_of(*(finding(code, no(code), day) for code in codes)))


def _screen() -> Strategy:
    return _on_one_day(RED_FLAGS[:3], (0, 3, 7, 7.1, 14))


def _no_umn() -> Strategy:
    return _on_one_day(UMN_SIGNS[:3], (0, 3, 7, 7.1, 30))


def _strong(home: str | None) -> Strategy:
    """The pattern of a peripheral nerve."""
    return one_of(0, 5, 30, 30.1).flatmap(
        lambda day: all_of(*(finding(code, 5, day, home) for code in ("mrc-inversion", "mrc-hip-abduction")))
    )


# Problems, studies, orders


@cache
def _problems(home: str | None, is_calm: bool) -> Strategy:
    sides = sides_by(home)
    pains = [
        problem(one_of("radicular-pain", "radicular-pain", "lumbar-radiculopathy"), side=sides),
        problem("back-pain"),
    ]
    sided = problem(one_of("stroke-leg-weakness", "peroneal-neuropathy"), side=sides)
    return st.one_of(pains if is_calm else [*pains, problem(one_of(*SUSPECTS)), sided])


@cache
def _studies_and_orders(home: str | None) -> Strategy:
    final = one_of(*["final"] * 12, "amended", "preliminary", "entered-in-error")
    lesions = (
        "l5-root-compression", "l5-root-compression", None, None, "cauda-equina-compression", "cord-compression",
        "l5-radiculopathy", "lumbar-stenosis", "lumbar-disc-herniation", "cancer-active", "spinal-infection-risk",
        "spinal-trauma-suspected",
    )  # fmt: skip
    imaging = one_of("mri-lumbar", "mri-whole-spine", "ct-lumbar", "ct-myelogram-lumbar")
    lesion_side = one_of(home, home, None, "left", "right", "central")
    times = {"daysAgo": one_of(*REPORTED), "lesionSide": lesion_side, "status": final}
    nerve = one_of("common-peroneal-neuropathy-fibular-head", "l5-radiculopathy", None)
    operation = one_of("lumbar-decompression", "lumbar-decompression", "spinal-fixation")
    operated = {"daysAgo": one_of(1, 3, 7, 20, 0.5, 40, 100, 400, None), "status": one_of(None, None, "not-done")}
    return st.one_of(
        fact("reports", code=imaging, lesion=one_of(*lesions), level=one_of(None, None, "L4/5"), **times),
        fact("reports", code=imaging, normal=one_of(None, True), daysAgo=one_of(*REPORTED), status=final),
        order(one_of(*MRI, "emg-ncs", "spine-surgery-consult")),
        fact(
            "serviceRequests", code=one_of(*MRI), priority=one_of("urgent", "stat"), daysAgo=one_of(0, 1, 0.1, 4 / 24)
        ),
        order(one_of(*ORDERS)),
        order("afo", "deviceRequests"),
        fact("reports", code="emg-ncs", finding=nerve, **times),
        fact("procedures", code=operation, **operated),
        fact("devices", code="afo", status=one_of(None, "active", "inactive")),
        fact("medications", code="apixaban"),
        implant(),
    )


# The injured spine


@cache
def _injury() -> Strategy:
    hours = one_of(0.001, 0.02, 1 / 24, 0.05)
    kept = one_of("spinal-precautions", "pressure-care-plan", "mobilisation-order", "physiotherapy-referral", *MRI)
    return st.one_of(
        problem(one_of("spinal-cord-injury", "spinal-trauma-suspected"), one_of(*HURT)),
        problem(one_of("spinal-cord-injury", "spinal-trauma-suspected"), one_of(*HURT)),
        finding("spine-stability", one_of("stable", "stable", "unstable", "unknown"), one_of(0, 0.2, 1, 5, 40)),
        all_of(problem("spinal-trauma-suspected", one_of(*HURT)), finding("spine-stability", "stable", one_of(0, 0.2))),
        order(kept),
        finding("map", one_of(64, 69, 70, 72, 74, 75, 88), hours),
        finding("sbp", one_of(85, 89, 90, 98, 110, 111, 128), hours),
        finding("dbp", one_of(45, 55, 60, 70), hours),
    )


# Medicines


@cache
def _prescribing() -> Strategy:
    within_a_year = one_of(0, 30, 365, 365.1)
    return st.one_of(
        medicine(),
        medicine(),
        finding("egfr", one_of(10, 14, 15, 22, 29, 30, 45, 59, 60, 95), within_a_year),
        all_of(
            finding("creatinine", one_of(0.8, 1.2, 2.0, 3.5), within_a_year),
            finding("body-weight", one_of(48, 70, 110), within_a_year),
        ),
        problem(one_of(*RISKS)),
        fact("conditions", code="pregnancy", gestationWeeks=one_of(None, 8, 19, 20, 24, 29.5, 30, 34, 44, 45)),
        fact(
            "allergies",
            code=one_of(*DRUGS, "aspirin", "penicillin"),
            clinical=one_of(None, "active", "inactive"),
            verification=one_of(None, "confirmed", "refuted"),
        ),
    )


@cache
def _draft() -> Strategy:
    priority = one_of(None, "routine", "urgent", "asap", "stat")
    dose = one_of(None, 75, 150, 151, 300, 600, 601, 700, 1400, 1800, 3600, 3700)
    return st.one_of(
        fact("draftOrders", resourceType="MedicationRequest", code=one_of(*DRUGS), dailyDoseMg=dose),
        fact("draftOrders", resourceType="ServiceRequest", code=one_of("emg-ncs", *MRI, *ORDERS), priority=priority),
        fact("draftOrders", resourceType="MedicationRequest", code=one_of(*MEDICINES), dailyDoseMg=dose),
        fact("draftOrders", resourceType="DeviceRequest", code="afo"),
    )


@st.composite
def _drafts(draw: st.DrawFn) -> Facts:
    drawn = draw(st.lists(_draft(), min_size=1, max_size=3))
    drafts = [{**one, "id": f"d{number}"} for number, ((_, one),) in enumerate(drawn)]
    chosen = draw(st.none() | st.lists(st.sampled_from([one["id"] for one in drafts]), unique=True))
    return {"draftOrders": drafts} | ({} if chosen is None else {"selections": chosen})


@cache
def _new_problem(home: str | None) -> Strategy:
    sided = problem(
        one_of("foot-drop", "radicular-pain", "peroneal-neuropathy"), side=sides_by(home), member="newConditions"
    )
    bare = ("cauda-equina-syndrome", "bladder-dysfunction", "saddle-sensory-loss", "spasticity", "spinal-cord-injury",
            "spinal-trauma-suspected", "cancer-active", "spinal-infection-risk", "back-pain", "copd")  # fmt: skip
    return st.one_of(sided, problem(one_of(*bare), member="newConditions"))
