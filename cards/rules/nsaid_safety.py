"""An NSAID being prescribed, perhaps days before spinal surgery: bleeding, kidney, stomach, pregnancy."""

from __future__ import annotations

from cards import findings
from cards.language import (
    Card,
    Indicator,
    Plan,
    Remove,
    Suggestion,
    Verdict,
    could_not_evaluate,
    not_applicable,
    rule,
    summary,
)
from cards.language.escaping import listed, markdown, name
from cards.record import Chart, Draft


@rule(
    "nsaid-safety",
    hooks=["order-select", "order-sign"],
    reads=[findings.in_scope, findings.NSAID_READS, findings.may_have_paracetamol],
    strength="strong",
    quality="moderate: regulator communication and labels; renal cut-offs by convention",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["medication.acetaminophen", "medication.gastroprotection"],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
    needs_foot_drop=False,
)
def nsaid_safety(chart: Chart) -> Verdict:
    """An NSAID: not with hypersensitivity, a clearance under 30 or late pregnancy; mind bleeding and the stomach."""
    drafts = findings.judged(chart, *findings.NSAIDS)
    if not drafts:
        return not_applicable("no NSAID is being prescribed")
    if not findings.in_scope(chart):
        return not_applicable("neither foot drop nor radicular pain is recorded")
    hazards = [hazard for draft in drafts for hazard in findings.nsaid_hazards(chart, draft)]
    indicator = findings.loudest(hazards)
    if indicator is None:
        gap = findings.not_checked(chart, "medication", "allergy", "patient")
        return could_not_evaluate(gap) if gap else not_applicable("none of the hazards that are checked is recorded")
    return _card(chart, drafts, hazards, indicator)


UNSAFE = dict.fromkeys(("allergy", "kidney", "pregnancy"), "NSAID unsafe: {words}. Do not prescribe.")
RISKY = {
    "bleeding": "NSAID with {words}: bleeding risk, and spinal surgery may follow; prefer paracetamol or discuss.",
    "pregnancy": "NSAID in {words}: avoid from 20 weeks (FDA 2020); prefer paracetamol or discuss.",
    "kidney": "NSAID with {words}: risk to the kidney; prefer paracetamol or discuss.",
    "heart": "NSAID with {words}: fluid retention and cardiac risk; prefer paracetamol or discuss.",
    "stomach": "NSAID with {words}: ulcer and bleeding risk; protect the stomach or prefer paracetamol.",
}


def _card(chart: Chart, drafts: list[Draft], hazards: list[findings.Hazard], indicator: Indicator) -> Card:
    found = findings.found_words(hazards)
    expecting = findings.pregnancy(chart)
    ask = "Ask for the weeks of gestation. " if expecting is not None and expecting.weeks is None else ""
    return Card(
        indicator=indicator,
        summary=summary(findings.spoken(hazards, UNSAFE if indicator is Indicator.CRITICAL else RISKY, indicator)),
        detail=f"Found: {markdown(found, 300)}. {ask}Lowest dose, shortest time; NICE: limited evidence. "
        "Not checked, for want of codes: gastrointestinal bleeding, cardiovascular disease but heart failure, an ACE "
        "inhibitor with a diuretic, booked surgery.",
        because=findings.hazard_evidence(drafts, hazards),
        changes="The interacting medicine stopped, gastroprotection added, or a measured clearance of 60 or more.",
        suggestions=_suggestions(chart, drafts, hazards, indicator),
        one_suggestion_only=False,
    )


def _suggestions(
    chart: Chart, drafts: list[Draft], hazards: list[findings.Hazard], indicator: Indicator
) -> tuple[Suggestion, ...]:
    """Removal alone and, where it may be given, removal with paracetamol instead; gastroprotection beside it."""
    removal = tuple(Remove(draft=draft) for draft in drafts)
    paracetamol = Plan(key="medication.acetaminophen", indication="condition.radicular-pain")
    found = [Suggestion(label="Remove the NSAID", plans=removal)]
    if findings.may_have_paracetamol(chart):
        label = f"Paracetamol instead of {listed([name(draft.text, 30) for draft in drafts])}"
        found.insert(0, Suggestion(label=label, plans=(*removal, paracetamol), is_recommended=True))
    if (
        indicator is Indicator.WARNING
        and not findings.is_child(chart)
        and any(each.risk == "stomach" for each in hazards)
    ):
        protection = Plan(key="medication.gastroprotection", indication="")
        found.append(Suggestion(label="Add gastroprotection", plans=(protection,)))
    return tuple(found)
