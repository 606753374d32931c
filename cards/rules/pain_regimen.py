"""Radicular pain without a non-opioid and a neuropathic agent: options, and how disputed they are."""

from __future__ import annotations

from datetime import timedelta

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, suppressed
from cards.language.escaping import listed, markdown, sentence
from cards.record import Chart, Evidence, Medicine, Reading


@rule(
    "pain-regimen",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.foot_drop, findings.radicular_pain, findings.NSAID_READS, findings.DULOXETINE_READS, "patient",
           "observation.pain-nrs", "medication.acetaminophen", "medication.gabapentin", "medication.pregabalin",
           "medication.amitriptyline", "medication.nortriptyline"],
    strength="contested: the source page offers gabapentinoids, NICE NG59 says not to for sciatica",
    quality="low to moderate: one placebo-controlled trial against pregabalin, guideline, very low for SNRIs",
    reviewed="2026-11-28", version="2.0.0",
    suggests=["medication.acetaminophen", "medication.naproxen", "medication.duloxetine", "medication.gabapentin"],
    overrides=["already-arranged", "patient-declined", "contraindicated", "findings-disagree"],
)  # fmt: skip
def pain_regimen(chart: Chart) -> Verdict:
    """Radicular pain with foot drop: start a non-opioid; what to add is disputed, and the card says so."""
    if not findings.radicular_pain(chart):
        return not_applicable("no radicular pain is recorded")
    if findings.is_child(chart):
        return not_applicable("the patient is a child: no adult drug is suggested")
    score = findings.newest_number(chart, "pain-nrs", NRS_WINDOW, highest=True)
    if score is not None and score.at_least(MODERATE) is False:
        return not_applicable(f"the pain score is {score.value:g} of 10 ({score.when})", Evidence.of(score))
    simple, neuropathic = chart.medicines(*NON_OPIOID), chart.medicines(*NEUROPATHIC)
    if simple and neuropathic:
        both = map(Evidence.of, (simple[0], neuropathic[0]))
        return suppressed("a non-opioid and a neuropathic agent are active", *both)
    return _card(chart, score, simple, neuropathic)


NRS_WINDOW = timedelta(days=7)
MODERATE = 4  # numeric rating scale; below it the pain is mild
NON_OPIOID = ("medication.acetaminophen", *findings.NSAIDS)
NEUROPATHIC = (
    "medication.gabapentin",
    "medication.pregabalin",
    "medication.duloxetine",
    "medication.amitriptyline",
    "medication.nortriptyline",
)
START = (
    "Radicular pain: start a non-opioid analgesic; gabapentinoids are disputed (NICE NG59: do not offer them for "
    "sciatica)."
)
ON_NON_OPIOID = (
    "Radicular pain on a non-opioid: adding a gabapentinoid is disputed (NICE NG59: do not offer for sciatica)."
)
NAMES = {
    "medication.acetaminophen": "paracetamol",
    "medication.naproxen": "naproxen",
    "medication.duloxetine": "duloxetine",
    "medication.gabapentin": "gabapentin",
}
OPTIONS = {
    "medication.acetaminophen": "Paracetamol (acetaminophen)",
    "medication.naproxen": "Naproxen, if the NSAID check is clear",
    "medication.duloxetine": "Duloxetine: very low certainty, off label for sciatica",
    "medication.gabapentin": "Gabapentin: disputed, only as a shared decision with a review date",
}


def _card(chart: Chart, score: Reading | None, simple: list[Medicine], neuropathic: list[Medicine]) -> Card:
    pains = findings.radicular_pain(chart)
    against, reasons = _against(chart), findings.references(*pains)
    taken = {*against, *(NON_OPIOID if simple else ()), *(NEUROPATHIC if neuropathic else ())}
    because = [Evidence.of(fact) for fact in (*pains, score) if fact is not None]
    because += [Evidence.of(medicine, f"Takes {medicine.text}") for medicine in (*simple, *neuropathic)]
    return Card(
        indicator=Indicator.INFO,
        summary=ON_NON_OPIOID if simple else START,
        detail="No opioid is suggested. " + _left_out(against),
        ask=_ask(chart),
        because=findings.once(tuple(because)),
        suggestions=tuple(
            Suggestion(
                label=label,
                plans=(Plan(key=key, indication="condition.radicular-pain", reasons=reasons),),
            )
            for key, label in OPTIONS.items()
            if key not in taken
        ),
    )


def _against(chart: Chart) -> dict[str, list[str]]:
    """What speaks against an option, in words: the hazards of the drug cards, and allergies."""
    expecting = ["pregnancy"] if findings.pregnancy(chart) else []
    against = {
        "medication.naproxen": [hazard.words for hazard in findings.nsaid_hazards(chart, None)],
        "medication.duloxetine": [hazard.words for hazard in findings.duloxetine_hazards(chart, None)],
        "medication.acetaminophen": [allergy.text for allergy in chart.allergies("medication.acetaminophen")],
        "medication.gabapentin": expecting + [allergy.text for allergy in chart.allergies("medication.gabapentin")],
    }
    return {key: words for key, words in against.items() if words}


def _left_out(against: dict[str, list[str]]) -> str:
    """The options that were left out, and why."""
    out = [f"{NAMES[key]} ({', '.join(dict.fromkeys(words))})" for key, words in against.items()]
    return f"Not offered: {markdown(listed(out), 300)}." if out else "Check interactions first."


def _ask(chart: Chart) -> str:
    """What needs to be known before choosing."""
    missing = [] if findings.clearance(chart) else ["renal function"]
    expecting = findings.pregnancy(chart)
    missing += ["the weeks of gestation"] if expecting is not None and expecting.weeks is None else []
    return f"{sentence(listed(missing))}, before choosing." if missing else ""
