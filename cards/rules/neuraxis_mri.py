"""Foot drop that the lumbar spine may not explain: image the whole neuraxis."""

from __future__ import annotations

from collections.abc import Set

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule
from cards.language.escaping import inside, listed
from cards.record import Chart, Fact


@rule(
    "neuraxis-mri", hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=["patient", findings.umn_signs, findings.umn_recorded_absent, findings.cancer_or_infection_with_back_pain,
           findings.acute_bilateral, findings.spinal_pain, findings.l5_pattern, findings.is_emergency,
           findings.needs_same_day_mri, findings.whole_spine_done, findings.whole_spine_orders, "condition.pregnancy"],
    strength="strong for cord signs and for suspected metastatic compression; conditional for the others",
    quality="low: guideline for the cancer ground, case series and reports for the others",
    reviewed="2026-11-25", version="1.0.0",
    suggests=[*findings.WHOLE_SPINE_MRI, "order.mri-brain", "order.neurology-referral", findings.CONSULT],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "contraindicated",
               "not-in-goals-of-care"],
)  # fmt: skip
def neuraxis_mri(chart: Chart) -> Verdict:
    """Foot drop with cord signs, cancer or infection, in a child, on both sides, or rapid: image the neuraxis.

    Normal plantar responses do not exclude a central cause.
    """
    grounds = _grounds(chart)
    if not grounds:
        return _without_ground(chart)
    if done := findings.whole_spine_done(chart):
        return findings.imaged(done, "the whole spine")
    loudest = max(grounds, key=lambda ground: grounds[ground].rank)
    indicator = Indicator.CRITICAL if findings.needs_same_day_mri(chart) else grounds[loudest]
    for order in findings.whole_spine_orders(chart):
        if indicator is not Indicator.CRITICAL or findings.is_urgent(order):
            return findings.ordered("a whole-spine MRI", order)
    return _card(chart, grounds.keys(), SUMMARIES[loudest], indicator)


def _grounds(chart: Chart) -> dict[str, Indicator]:
    """Every ground that holds; decisions D30 and D31 say how loud each is."""
    grounds = {}
    if findings.umn_signs(chart):
        grounds["umn"] = Indicator.CRITICAL
    if findings.cancer_or_infection_with_back_pain(chart):
        grounds["cancer"] = Indicator.CRITICAL
    if findings.is_child(chart):  # Chiari, syrinx, tethered cord before disc (E42 to E44)
        grounds["child"] = Indicator.CRITICAL if findings.decline(chart) else Indicator.WARNING
    if findings.acute_bilateral(chart):
        painful = findings.spinal_pain(chart) or findings.is_emergency(chart)
        grounds["bilateral"] = Indicator.WARNING if painful else Indicator.CRITICAL
    if findings.decline(chart) and not (findings.l5_pattern(chart) and findings.umn_recorded_absent(chart)):
        grounds["rapid"] = Indicator.CRITICAL if findings.needs_same_day_mri(chart) else Indicator.WARNING
    return grounds


def _without_ground(chart: Chart) -> Verdict:
    """Silent; unknown when a sign lacks its date, or when nobody could tell whether this is a child."""
    for sign in (sign for code in findings.UMN_SIGNS for sign in chart.readings(code)):
        if sign.value and sign.when is None:
            return findings.undated(sign)
    if not chart.has_seen("patient"):
        return findings.unread("the birth date", "whether this is a child is not known")
    return not_applicable(
        "no upper motor neurone sign, cancer or infection with back pain, acute bilateral drop or unlocalised "
        "decline is recorded, and the patient is not known to be a child"
    )


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
DETAILS = {
    "umn": "Foot drop that came within hours: stroke pathway first, never delayed by spine imaging.",
    "child": "Sedation is not a contraindication. Normal reflexes do not exclude Chiari or syrinx.",
    "cancer": "Suspected metastatic compression: whole-spine MRI and a plan within 24 hours.",
}
CORD = (
    "The source page names thoracic spine and brain; the cervical cord is added because reported cases were "
    "found there. A normal plantar response does not exclude a central cause."
)


def _card(chart: Chart, grounds: Set[str], text: str, indicator: Indicator) -> Card:
    causes = [*findings.umn_signs(chart), *findings.cancer_or_infection_with_back_pain(chart)]
    pains = findings.back_pain(chart) if "cancer" in grounds else []
    if "bilateral" in grounds:
        pains = findings.spinal_pain(chart)
    details = [words for ground, words in DETAILS.items() if ground in grounds]
    return Card(
        indicator=indicator,
        summary=text,
        detail="\n\n".join([findings.flags_for_reader(chart), *details, CORD]),
        because=findings.because(chart, *causes, *pains),
        changes="A whole-spine MRI of this episode, an urgent request for one, or a recorded cause on the same side. "
        "Upper motor neurone signs recorded absent together with an L5 pattern make a decline a lumbar question.",
        suggestions=_suggestions(chart, grounds, causes, indicator),
        one_suggestion_only=False,
    )


def _suggestions(chart: Chart, grounds: Set[str], causes: list[Fact], indicator: Indicator) -> tuple[Suggestion, ...]:
    # Suspected metastatic compression has 24 hours (E13); every other critical ground is for today.
    priority = "stat" if indicator is Indicator.CRITICAL and grounds != {"cancer"} else "urgent"
    note, why = _note(chart, grounds, causes), findings.reasons(chart, *causes)

    def offer(label: str, key: str, *, is_recommended: bool = False) -> Suggestion:
        plan = Plan(key=key, priority=priority, note=note, reasons=why)
        return Suggestion(label=label, plans=(plan,), is_recommended=is_recommended)

    has_contrast = "cancer" in grounds and not chart.problems("condition.pregnancy")
    plain, contrast = findings.WHOLE_SPINE_MRI
    protocol = "without and with contrast" if has_contrast else "without contrast"
    first = ", lumbar first" if grounds == {"rapid"} else ""
    label = f"{priority.capitalize()} whole-spine MRI, {protocol}{first}"
    offers = [offer(label, contrast if has_contrast else plain, is_recommended=True)]
    if grounds & {"umn", "child"}:
        offers.append(offer("MRI of the brain as well", "order.mri-brain"))
    who = "Paediatric neurology referral" if "child" in grounds else "Neurology referral"
    offers.append(offer(who, "order.neurology-referral"))
    if findings.red_flags(chart) or indicator is Indicator.CRITICAL or "child" in grounds:
        offers.append(offer("Spinal or neurosurgical opinion", findings.CONSULT))
    return tuple(offers)


def _note(chart: Chart, grounds: Set[str], causes: list[Fact]) -> str:
    """What radiology and neurology need: the foot drop, and why the lumbar spine alone is not enough."""
    words = {
        "child": f"a patient under {findings.ADULT}",
        "bilateral": "foot drop on both sides",
        "rapid": "decline in a pattern that is not localised",
    }
    because = [*(inside(cause.text) for cause in causes), *(words[ground] for ground in words if ground in grounds)]
    return f"{findings.clinical_note(chart)} Asked for because of: {listed(list(dict.fromkeys(because)))}."
