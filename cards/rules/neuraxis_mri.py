"""Foot drop that the lumbar spine may not explain: image the whole neuraxis."""

from __future__ import annotations

from collections.abc import Callable, Set

from cards import findings
from cards.language import SOURCES, Card, Indicator, Plan, Source, Suggestion, Verdict, not_applicable, rule
from cards.language.escaping import inside, listed
from cards.record import Chart, Fact


@rule(
    "neuraxis-mri", hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.neuraxis_grounds, findings.umn_signs, findings.cancer_or_infection_with_pain, findings.spinal_pain,
           findings.points_to_brain, findings.acute_stroke, findings.is_sudden, findings.mr_safety,
           findings.whole_spine_done, findings.whole_spine_orders, "patient", "condition.pregnancy"],
    strength="strong for cord signs and for suspected metastatic compression; conditional for the others",
    quality="low: guideline for the cancer ground, case series and reports for the others",
    reviewed="2026-11-28", version="2.0.0",
    suggests=[*findings.WHOLE_SPINE_MRI, "order.mri-brain", "order.neurology-referral", findings.CONSULT],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "contraindicated",
               "not-in-goals-of-care"],
)  # fmt: skip
def neuraxis_mri(chart: Chart) -> Verdict:
    """Foot drop with cord signs, cancer or infection, in a child, on both sides, or rapid: image the neuraxis.

    Normal plantar responses do not exclude a central cause.
    """
    grounds = findings.neuraxis_grounds(chart)
    if not grounds:
        return _without_ground(chart)
    if done := findings.whole_spine_done(chart):
        return findings.imaged(done, "the whole spine")
    loudest = max(grounds, key=lambda ground: grounds[ground].rank)
    indicator = Indicator.CRITICAL if findings.needs_same_day_mri(chart) else grounds[loudest]
    for order in findings.whole_spine_orders(chart):
        if indicator is not Indicator.CRITICAL or (findings.is_urgent(order) and order.is_signed):
            return findings.ordered("a whole-spine MRI", order)
    return _card(chart, grounds.keys(), _summary(chart, loudest), indicator, _source(chart, loudest))


def _without_ground(chart: Chart) -> Verdict:
    """The silence; could-not-evaluate if a sign has no date or it is unknown whether the patient is a child."""
    for sign in (sign for code in findings.UMN_SIGNS for sign in chart.readings(code)):
        if sign.value and sign.when is None:
            return findings.undated(sign)
    if not chart.has_seen("patient"):
        return findings.unread("the birth date", "whether this is a child is not known")
    return not_applicable(
        "no upper motor neurone sign, cancer or infection with pain, acute bilateral drop or unlocalised "
        "decline is recorded, and the patient is not known to be a child"
    )


SUMMARIES = {
    "umn": "Foot drop with upper motor neurone signs: image cervical and thoracic cord (and brain), not the lumbar "
    "spine alone.",
    "cancer": "Cancer or infection risk with pain and foot drop: whole-spine {scan}{contrast} within 24 h.",
    "child": "Child with foot drop: ask for whole-spine plus brain {scan} (Chiari/syrinx, tethered cord) and "
    "paediatric neurology/neurosurgery.",
    "bilateral": "Bilateral foot drop: image the whole spine; if reflexes are lost and it ascends, think "
    "Guillain-Barre.",
    "rapid": "Rapid foot drop, pattern not localised: lumbar {scan} now, extend to thoracic/cervical cord if not "
    "explained.",
    "sudden": "Sudden foot drop with brain or cord signs: stroke call first; then brain and whole-spine {scan}.",
    "stroke": "Stroke of {date}: does it explain this foot drop? If not, whole-spine {scan}.",
}
DETAILS = {
    "umn": "If it came within hours: stroke pathway first.",
    "child": "Sedation is not a contraindication. Normal reflexes do not exclude Chiari or syrinx.",
    "cancer": "Have a plan within 24 hours as well.",
}
UNSAFE = (
    "An implant is coded unsafe for MRI: ask radiology for CT of the whole spine (CT myelography) as urgently; lumbar "
    "CT alone does not answer this."
)
ASK_ONSET = "The onset is not recorded: ask when each foot dropped."


def _variant(chart: Chart, ground: str) -> str:
    """The ground; for cord signs alone the brain first, after a coded stroke or if the drop came within a day."""
    stroke = findings.acute_stroke(chart)
    if ground != "umn" or not findings.points_to_brain(chart):
        return ground
    if stroke is not None and stroke.when is not None:
        return "sudden" if chart.within(stroke.when, findings.SUDDEN) else "stroke"
    return "sudden" if findings.is_sudden(chart) else ground


def _summary(chart: Chart, ground: str) -> str:
    stroke = findings.acute_stroke(chart)
    date = str(stroke.when) if stroke is not None else ""
    scan, contrast = "CT", ""
    if not _is_unsafe(chart):
        scan, contrast = "MRI", f" {'with and without' if _has_contrast(chart) else 'without'} contrast"
    return SUMMARIES[_variant(chart, ground)].format(scan=scan, contrast=contrast, date=date)


def _has_contrast(chart: Chart) -> bool:
    """Whether contrast is given: for cancer and infection, but not in pregnancy; order and summary agree."""
    return "cancer" in findings.neuraxis_grounds(chart) and not chart.problems("condition.pregnancy")


def _is_unsafe(chart: Chart) -> bool:
    return findings.mr_safety(chart).level == "unsafe"


def _source(chart: Chart, ground: str) -> Source | None:
    """The source for the loudest ground (D93): the rule's own is about cancer; infection has another."""
    variant = _variant(chart, ground)
    if variant == "cancer":
        keys = {key for problem in findings.cancer_or_infection_with_pain(chart) for key in problem.keys}
        return SOURCES["neuraxis-mri.infection"] if keys <= {findings.INFECTION} else None
    return SOURCES[f"neuraxis-mri.{'stroke' if variant == 'sudden' else variant}"]


def _card(chart: Chart, grounds: Set[str], text: str, indicator: Indicator, source: Source | None) -> Card:
    causes = [*findings.umn_signs(chart), *findings.cancer_or_infection_with_pain(chart)]
    pains = findings.spinal_pain(chart) if {"cancer", "bilateral"} & grounds else []
    details = [words for ground, words in DETAILS.items() if ground in grounds]
    unknown = "bilateral" in grounds and findings.foot_drop(chart).onset is None
    return Card(
        indicator=indicator,
        summary=text,
        detail="\n\n".join([*[UNSAFE] * _is_unsafe(chart), findings.flags_for_reader(chart), *details]),
        ask=ASK_ONSET if unknown else "",
        because=findings.because(chart, *causes, *pains),
        source=source,
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

    is_unsafe = _is_unsafe(chart)
    offers = [] if is_unsafe else _scans(chart, grounds, priority, offer)
    who = "Paediatric neurology referral" if "child" in grounds else "Neurology referral"
    offers.append(offer(who, "order.neurology-referral"))
    if is_unsafe or findings.red_flags(chart) or indicator is Indicator.CRITICAL or "child" in grounds:
        surgeon = offer("Spinal or neurosurgical opinion", findings.CONSULT, is_recommended=is_unsafe)
        offers.insert(0 if is_unsafe else len(offers), surgeon)
    return tuple(offers)


def _scans(chart: Chart, grounds: Set[str], priority: str, offer: Callable[..., Suggestion]) -> list[Suggestion]:
    """The whole spine and the brain; the brain comes first if the drop came suddenly (D70)."""
    has_contrast = _has_contrast(chart)
    plain, contrast = findings.WHOLE_SPINE_MRI
    protocol = "without and with contrast" if has_contrast else "without contrast"
    first = ", lumbar first" if grounds == {"rapid"} else ""
    is_sudden = "umn" in grounds and _variant(chart, "umn") == "sudden"
    label = f"{priority.capitalize()} whole-spine MRI, {protocol}{first}"
    spine = offer(label, contrast if has_contrast else plain, is_recommended=not is_sudden)
    if is_sudden:
        return [offer(f"{priority.capitalize()} MRI of the brain", "order.mri-brain", is_recommended=True), spine]
    return [spine, offer("MRI of the brain as well", "order.mri-brain")] if grounds & {"umn", "child"} else [spine]


def _note(chart: Chart, grounds: Set[str], causes: list[Fact]) -> str:
    """What radiology and neurology need: the foot drop, and why the lumbar spine alone is not enough."""
    words = {
        "child": f"a patient under {findings.ADULT}",
        "bilateral": "foot drop on both sides",
        "rapid": "decline in a pattern that is not localised",
    }
    because = [*(inside(cause.text) for cause in causes), *(words[ground] for ground in words if ground in grounds)]
    return f"{findings.clinical_note(chart)} Asked for because of: {listed(list(dict.fromkeys(because)))}."
