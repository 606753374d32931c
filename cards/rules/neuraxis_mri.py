"""Foot drop that the lumbar spine may not explain: image the whole neuraxis."""

from __future__ import annotations

from msgspec import Struct

from cards import findings
from cards.language import (
    Card,
    Indicator,
    Plan,
    Suggestion,
    Verdict,
    could_not_evaluate,
    not_applicable,
    rule,
    suppressed,
)
from cards.language.escaping import inside, listed
from cards.record import Chart, Evidence, Fact, Problem

ADULT = 18  # years; younger: Chiari, syrinx, tethered cord before disc (E42 to E44)

SUMMARIES = {
    "umn": "Foot drop with upper motor neurone signs: image cervical and thoracic cord (and brain), not the lumbar "
    "spine alone.",
    "cancer": "Cancer or infection risk with back pain and foot drop: whole-spine MRI with and without contrast "
    "within 24 h.",
    "child": "Child with foot drop: ask for whole-spine plus brain MRI (Chiari/syrinx, tethered cord) and paediatric "
    "neurology/neurosurgery.",
    "bilateral": "Bilateral foot drop: image the whole spine; if reflexes are lost and it ascends, think "
    "Guillain-Barre.",
    "rapid": "Rapid foot drop, pattern not localised: lumbar MRI now, extend to thoracic/cervical cord if not "
    "explained.",
}


WORDS = {
    "child": "a patient under 18",
    "bilateral": "foot drop on both sides",
    "rapid": "decline in a pattern that is not localised",
}


class Ground(Struct, frozen=True):
    """One reason to image the neuraxis: its name in SUMMARIES, how loud, and the records behind it."""

    name: str
    indicator: Indicator
    facts: tuple[Fact, ...] = ()


@rule(
    "neuraxis-mri",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[
        "patient",
        findings.umn_signs,
        findings.umn_recorded_absent,
        findings.cancer_or_infection_with_back_pain,
        findings.acute_bilateral,
        findings.spinal_pain,
        findings.l5_pattern,
        findings.is_emergency,
        findings.needs_same_day_mri,
        findings.whole_spine_done,
        findings.whole_spine_orders,
        "condition.pregnancy",
    ],
    strength="strong for cord signs and for suspected metastatic compression; conditional for the others",
    quality="low: guideline for the cancer ground, case series and reports for the others",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=[
        "order.mri-whole-spine",
        "order.mri-whole-spine-contrast",
        "order.mri-brain",
        "order.neurology-referral",
        "order.spine-surgery-consult",
    ],
    overrides=[
        "already-arranged",
        "findings-disagree",
        "known-stable-cause",
        "contraindicated",
        "not-in-goals-of-care",
    ],
)
def neuraxis_mri(chart: Chart) -> Verdict:
    """Foot drop with cord signs, cancer or infection, in a child, on both sides, or rapid: image the neuraxis.

    Normal plantar responses do not exclude a central cause.
    """
    grounds = _grounds(chart)
    if not grounds:
        return _without_ground(chart)
    done = findings.whole_spine_done(chart)
    if done is not None:
        return suppressed(f"the whole spine was imaged on {done.when}, with no loss since", Evidence.of(done))
    loudest = max(grounds, key=lambda ground: ground.indicator.rank)
    indicator = Indicator.CRITICAL if findings.needs_same_day_mri(chart) else loudest.indicator
    for order in findings.whole_spine_orders(chart):
        if indicator is not Indicator.CRITICAL or findings.is_urgent(order):
            return suppressed(
                f"a whole-spine MRI is ordered ({order.when}, {order.priority or 'routine'})",
                Evidence.of(order),
            )
    return _card(chart, grounds, loudest, indicator)


def _without_ground(chart: Chart) -> Verdict:
    """Silent; unknown when a sign lacks its date, or when nobody could tell whether this is a child."""
    undated = [sign for code in findings.UMN_SIGNS for sign in chart.readings(code) if sign.value and sign.when is None]
    if undated:
        return could_not_evaluate(
            f"{inside(undated[0].text)} has no date: it lies in no window", Evidence.of(undated[0])
        )
    if not chart.has_seen("patient"):
        return could_not_evaluate("the birth date could not be read: whether this is a child is not known")
    return not_applicable(
        "no upper motor neurone sign, cancer or infection with back pain, acute bilateral drop or unlocalised "
        "decline is recorded, and the patient is not known to be a child"
    )


def _grounds(chart: Chart) -> list[Ground]:
    """Every ground that holds; decisions D30 and D31 say how loud each is."""
    found = []
    if signs := findings.umn_signs(chart):
        found.append(Ground("umn", Indicator.CRITICAL, tuple(signs)))
    if causes := findings.cancer_or_infection_with_back_pain(chart):
        found.append(Ground("cancer", Indicator.CRITICAL, tuple(causes)))
    if chart.age is not None and chart.age < ADULT:
        found.append(Ground("child", Indicator.CRITICAL if findings.decline(chart) else Indicator.WARNING))
    if findings.acute_bilateral(chart):
        painful = bool(findings.spinal_pain(chart)) or findings.is_emergency(chart)
        found.append(Ground("bilateral", Indicator.WARNING if painful else Indicator.CRITICAL))
    if findings.decline(chart) and not (findings.l5_pattern(chart) and findings.umn_recorded_absent(chart)):
        found.append(Ground("rapid", Indicator.CRITICAL if findings.needs_same_day_mri(chart) else Indicator.WARNING))
    return found


def _card(chart: Chart, grounds: list[Ground], loudest: Ground, indicator: Indicator) -> Card:
    names = {ground.name for ground in grounds}
    facts = tuple(fact for ground in grounds for fact in ground.facts)
    return Card(
        indicator=indicator,
        summary=SUMMARIES[loudest.name],
        detail=_detail(chart, names),
        because=findings.once(
            (*(Evidence.of(fact) for fact in (*facts, *_pains(chart, names))), *findings.drop_because(chart))
        ),
        changes="A whole-spine MRI of this episode, an urgent request for one, or a recorded cause on the same side. "
        "Upper motor neurone signs recorded absent together with an L5 pattern make a decline a lumbar question.",
        suggestions=_suggestions(chart, names, facts, indicator),
        one_suggestion_only=False,
    )


def _pains(chart: Chart, names: set[str]) -> list[Problem]:
    """The pain that a ground rests on: back pain with cancer or infection, any spinal pain with both feet."""
    return (
        findings.spinal_pain(chart) if "bilateral" in names else findings.back_pain(chart) if "cancer" in names else []
    )


def _detail(chart: Chart, names: set[str]) -> str:
    parts = [findings.flags_for_reader(chart)]
    if "umn" in names:
        parts.append("Foot drop that came within hours: stroke pathway first, never delayed by spine imaging.")
    if "child" in names:
        parts.append("Sedation is not a contraindication. Normal reflexes do not exclude Chiari or syrinx.")
    if "cancer" in names:
        parts.append("Suspected metastatic compression: whole-spine MRI and a plan within 24 hours.")
    parts.append(
        "The source page names thoracic spine and brain; the cervical cord is added because reported cases were "
        "found there. A normal plantar response does not exclude a central cause."
    )
    return "\n\n".join(parts)


def _note(chart: Chart, names: set[str], facts: tuple[Fact, ...]) -> str:
    """What radiology and neurology need: the foot drop, and why the lumbar spine alone is not enough."""
    because = [inside(fact.text) for fact in facts]
    because += [WORDS[name] for name in ("child", "bilateral", "rapid") if name in names]
    return f"{findings.clinical_note(chart)} Asked for because of: {listed(list(dict.fromkeys(because)))}."


def _suggestions(
    chart: Chart, names: set[str], facts: tuple[Fact, ...], indicator: Indicator
) -> tuple[Suggestion, ...]:
    # Suspected metastatic compression has 24 hours (E13); every other critical ground is for today.
    priority = "stat" if indicator is Indicator.CRITICAL and names != {"cancer"} else "urgent"
    contrast = "cancer" in names and not chart.problems("condition.pregnancy")
    why, note = findings.reasons(chart, *facts), _note(chart, names, facts)

    def plan(key: str) -> Plan:
        return Plan(key=key, priority=priority, note=note, reasons=why)

    key = "order.mri-whole-spine-contrast" if contrast else "order.mri-whole-spine"
    protocol = "without and with contrast" if contrast else "without contrast"
    first = ", lumbar first" if names == {"rapid"} else ""
    label = f"{priority.capitalize()} whole-spine MRI, {protocol}{first}"
    found = [Suggestion(label=label, plans=(plan(key),), is_recommended=True)]
    if names & {"umn", "child"}:
        found.append(Suggestion(label="MRI of the brain as well", plans=(plan("order.mri-brain"),)))
    who = "Paediatric neurology referral" if "child" in names else "Neurology referral"
    found.append(Suggestion(label=who, plans=(plan("order.neurology-referral"),)))
    if findings.red_flags(chart) or indicator is Indicator.CRITICAL or "child" in names:
        found.append(Suggestion(label="Spinal or neurosurgical opinion", plans=(plan("order.spine-surgery-consult"),)))
    return tuple(found)
