"""An NSAID being prescribed, perhaps days before spinal surgery: bleeding, kidney, stomach, pregnancy."""

from __future__ import annotations

from cards import findings
from cards.language import (
    SOURCES,
    Card,
    Indicator,
    Plan,
    Remove,
    Source,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
)
from cards.language.escaping import listed, name
from cards.record import Chart, Draft, Fact, Medicine

_MEDICINES = (Medicine, Draft)
_ANTITHROMBOTIC = frozenset(findings.ANTITHROMBOTIC)


@rule(
    "nsaid-safety",
    hooks=["order-select", "order-sign"],
    reads=[findings.in_scope, findings.NSAID_READS, findings.may_have_paracetamol],
    strength="strong",
    quality="moderate: regulator communication and labels; renal cut-offs by convention",
    reviewed="2026-11-28",
    version="2.0.0",
    suggests=["medication.acetaminophen", "medication.gastroprotection"],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
    needs_foot_drop=False,
)
def nsaid_safety(chart: Chart) -> Verdict:
    """An NSAID: not in hypersensitivity, cirrhosis, clearance under 30, late pregnancy; mind bleeding and stomach."""
    drafts = chart.drafted(*findings.NSAIDS)
    if not drafts:
        return not_applicable("no NSAID is being prescribed")
    if not findings.in_scope(chart):
        return findings.OUT_OF_SCOPE
    hazards = findings.hazards_of(chart, drafts, findings.nsaid_hazards)
    if hazards:
        return _card(chart, drafts, hazards)
    return findings.not_checked(chart) or not_applicable("none of the hazards that are checked is recorded")


UNSAFE = dict.fromkeys(("allergy", "liver", "kidney", "pregnancy"), "NSAID unsafe: {words}. Do not prescribe.")
RISKY = {
    "bleeding": "NSAID with {words}: bleeding risk, and spinal surgery may follow; prefer paracetamol or discuss.",
    "pregnancy": "NSAID in {words}: avoid from 20 weeks (FDA 2020); prefer paracetamol or discuss.",
    "kidney": "NSAID with {words}: risk to the kidney; prefer paracetamol or discuss.",
    "heart": "NSAID with {words}: fluid retention and cardiac risk; prefer paracetamol or discuss.",
    "stomach": "NSAID with {words}: ulcer and bleeding risk; protect the stomach or prefer paracetamol.",
}


LEAST = "If it is given all the same: the lowest dose for the shortest time."


def _card(chart: Chart, drafts: list[Draft], hazards: list[findings.Hazard]) -> Card:
    indicator = findings.loudest(hazards)
    expecting = findings.pregnancy(chart)
    ask = "The weeks of gestation." if expecting is not None and expecting.weeks is None else ""
    text = summary(findings.spoken(hazards, UNSAFE if indicator is Indicator.CRITICAL else RISKY))
    return Card(
        indicator=indicator,
        summary=text,
        detail=f"{findings.other_hazards(hazards, text)}{'' if indicator is Indicator.CRITICAL else LEAST}".strip(),
        ask=ask,
        source=_source(hazards),
        because=findings.hazard_evidence(drafts, hazards),
        suggestions=_suggestions(chart, drafts, hazards),
        one_suggestion_only=False,
    )


def _source(hazards: list[findings.Hazard]) -> Source | None:
    """The source for the hazard that the summary names (D93); None for pregnancy, covered by the rule's own source."""
    indicator = findings.loudest(hazards)
    risk = findings.spoken_risk(hazards, UNSAFE if indicator is Indicator.CRITICAL else RISKY)
    if risk == "pregnancy":
        return None
    facts = (fact for hazard in hazards if hazard.risk == risk for fact in hazard.facts)
    is_labelled = risk in ("stomach", "heart") or (risk == "bleeding" and any(map(_is_antithrombotic, facts)))
    return SOURCES[f"nsaid-safety.{'bleeding' if is_labelled else 'other'}"]


def _is_antithrombotic(fact: Fact) -> bool:
    return isinstance(fact, _MEDICINES) and not _ANTITHROMBOTIC.isdisjoint(fact.keys)


def _suggestions(chart: Chart, drafts: list[Draft], hazards: list[findings.Hazard]) -> tuple[Suggestion, ...]:
    """Removal alone and, if paracetamol may be given, removal with paracetamol instead; also gastroprotection."""
    removal = tuple(Remove(draft=draft) for draft in drafts)
    suggestions = [Suggestion(label="Remove the NSAID", plans=removal)]
    if findings.may_have_paracetamol(chart):
        paracetamol = Plan(key="medication.acetaminophen", indication="condition.radicular-pain")
        label = f"Paracetamol instead of {listed([name(draft.text, 30) for draft in drafts])}"
        suggestions.insert(0, Suggestion(label=label, plans=(*removal, paracetamol), is_recommended=True))
    is_critical = findings.loudest(hazards) is Indicator.CRITICAL
    if not is_critical and not findings.is_child(chart) and any(hazard.risk == "stomach" for hazard in hazards):
        protection = Plan(key="medication.gastroprotection", indication="")
        suggestions.append(Suggestion(label="Add gastroprotection", plans=(protection,)))
    return tuple(suggestions)
