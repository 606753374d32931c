"""What the three drug cards share: their scope, the drafts they judge, and concurrent medicines (D41 to D45)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, structs

from cards.findings.foot_drop import foot_drop
from cards.findings.measurements import LABORATORY, clearance
from cards.findings.pain import radicular_pain
from cards.findings.silences import undated, unread
from cards.language.escaping import listed, markdown, name
from cards.language.finding import finding
from cards.language.verdict import Indicator, Silent, fits_summary, not_applicable
from cards.record.chart import Chart
from cards.record.facts import Draft, Evidence, Fact, Medicine

KIDNEY = "condition.chronic-kidney-disease"
OLD = 65  # years
ADULT = 18
MOST_NAMES, MOST_WORDS, NAME_LENGTH = 2, 3, 24  # of medicines and of hazards in a summary; characters of a name
NORMAL_CLEARANCE = 60  # mL/min: from this clearance up no label asks for another dose
PARACETAMOL = "medication.acetaminophen"
NSAIDS = ("medication.ibuprofen", "medication.naproxen", "medication.other-nsaid")
ANTITHROMBOTIC = ("medication.anticoagulant", "medication.antiplatelet", "medication.aspirin")
SSRIS = ("medication.ssri", "medication.fluvoxamine")


OUT_OF_SCOPE = not_applicable("neither foot drop nor radicular pain is recorded")


class Hazard(Struct, frozen=True):
    """One reason against a draft: how grave it is, the feared effect in a word or two, and the records behind it.

    `risk` is a word that the cards know: allergy, dose, breathing, kidney, bleeding, serotonin, stomach, heart,
    pregnancy, liver, eye, mood or interaction. `draft` is the draft that the hazard is about.
    """

    indicator: Indicator
    risk: str
    words: str
    facts: tuple[Fact, ...] = ()
    draft: Draft | None = None

    @classmethod
    def critical(cls, risk: str, words: str, *facts: Fact) -> Hazard:
        """A contraindication."""
        return cls(Indicator.CRITICAL, risk, words, facts)

    @classmethod
    def warning(cls, risk: str, words: str, *facts: Fact) -> Hazard:
        """A reason to think twice."""
        return cls(Indicator.WARNING, risk, words, facts)


def recorded(indicator: Indicator, risk: str, words: str, facts: Iterable[Fact]) -> list[Hazard]:
    """One hazard that is based on all of these records; none without a record."""
    standing = tuple(facts)
    return [Hazard(indicator, risk, words, standing)] if standing else []


@finding(foot_drop, radicular_pain)
def in_scope(chart: Chart) -> bool:
    """D41: foot drop or radicular pain on record."""
    return bool(foot_drop(chart) or radicular_pain(chart))


def hazards_of(
    chart: Chart, drafts: Iterable[Draft], speaks_against: Callable[[Chart, Draft], Iterable[Hazard]]
) -> list[Hazard]:
    """What speaks against each of these drafts."""
    return [structs.replace(hazard, draft=draft) for draft in drafts for hazard in speaks_against(chart, draft)]


class Beside(Struct, frozen=True):
    """What is taken or ordered alongside a draft, and its names on one line; plain text."""

    facts: tuple[Medicine | Draft, ...]
    names: str

    def __bool__(self) -> bool:
        return bool(self.facts)


_NOTHING = Beside((), "")


def beside(chart: Chart, draft: Draft | None, *keys: str) -> Beside:
    """Active medicines and other drafts with these keys."""

    taken = chart.medicines(*keys)
    if not taken and not chart.drafts:
        return _NOTHING

    def gather() -> tuple[Beside, frozenset[str]]:
        wanted = frozenset(keys)
        everything = _beside(chart, [*taken, *(other for other in chart.drafts if not wanted.isdisjoint(other.keys))])
        return everything, frozenset(fact.reference for fact in everything.facts)

    together, references = chart.once((beside, keys), gather)
    if draft is None or draft.reference not in references:
        return together  # the same for nearly every draft
    others = (
        fact
        for fact in together.facts
        if fact is not draft and (isinstance(fact, Draft) or fact.reference != draft.reference)
    )
    return _beside(chart, others)


def _beside(chart: Chart, facts: Iterable[Medicine | Draft]) -> Beside:
    kept = tuple(facts)
    return Beside(kept, _names(chart, kept))


def _names(chart: Chart, facts: Iterable[Medicine | Draft]) -> str:
    """The short names of the medicines on one line, at most two of them (O17); plain text."""
    short = {said.lower(): said for said in (_name(chart, fact) for fact in facts)}
    every = [short[key] for key in sorted(short)]
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return ", ".join(every[:MOST_NAMES]) + more


def _name(chart: Chart, fact: Medicine | Draft) -> str:
    """The short name of a medicine, computed once: many drafts may be taken with the same medicines."""
    return chart.once((_name, fact.text, fact.keys), lambda: name(chart.short_name(fact), NAME_LENGTH))


def some(words: list[str], most: int) -> str:
    """The first words of a list and how many more there are: `a, b and 2 more`."""
    return listed(words if len(words) <= most else [*words[:most], f"{len(words) - most} more"])


@finding(clearance, KIDNEY)
def unmeasured_kidney_disease(chart: Chart) -> Fact | None:
    """D42: chronic kidney disease on record while it is unknown, or left open by a bound, whether clearance is low."""
    known = clearance(chart)
    return chart.problem(KIDNEY) if known is None or known.at_least(NORMAL_CLEARANCE) is None else None


@finding(clearance, "observation.creatinine", "observation.egfr")
def unknown_clearance(chart: Chart) -> str:
    """A sentence on why no clearance is known; empty if it is known, or its bound decides whether it is low."""
    known = clearance(chart)
    if known is not None:
        is_open = known.at_least(NORMAL_CLEARANCE) is None
        return f"Renal function is recorded, but unreadable: {markdown(str(known), 60)}?" if is_open else ""
    for measurement in ("creatinine", "egfr"):
        if words := chart.unreadable(measurement, LABORATORY):
            return f"Renal function is recorded, but unreadable: {markdown(words, 60)}?"
    return "Renal function is not recorded within a year"


def unmeasured_kidneys(chart: Chart) -> list[Hazard]:
    """D42: a warning for kidney disease of unknown degree."""
    kidney = unmeasured_kidney_disease(chart)
    return [Hazard.warning("kidney", "kidney disease without a clearance", kidney)] if kidney else []


def loudest(hazards: Iterable[Hazard]) -> Indicator:
    """The indicator of the gravest hazard; info if there is none."""
    return max((hazard.indicator for hazard in hazards), key=lambda loud: loud.rank, default=Indicator.INFO)


def spoken(hazards: list[Hazard], sentences: Mapping[str, str], **more: str) -> str:
    """The sentence for the first risk among the gravest hazards, filled with its words and with `more`."""
    indicator = loudest(hazards)
    grave = [hazard for hazard in hazards if hazard.indicator is indicator]
    for risk, sentence in sentences.items():
        words = list(dict.fromkeys(hazard.words for hazard in grave if hazard.risk == risk))
        if words:
            return _fitting(sentence, words, more)
    return ""


def _fitting(sentence: str, words: list[str], more: Mapping[str, str]) -> str:
    """The sentence with as many of its words as fit into a summary; its advice is never cut (O17)."""
    for most in range(min(len(words), MOST_WORDS), 0, -1):
        filled = sentence.format(words=some(words, most), **more)
        if fits_summary(filled):
            return filled
    return sentence.format(words=name(words[0], NAME_LENGTH), **more)


def spoken_risk(hazards: list[Hazard], sentences: Mapping[str, str]) -> str:
    """The risk that `spoken` names; empty if it has no sentence."""
    indicator = loudest(hazards)
    grave = {hazard.risk for hazard in hazards if hazard.indicator is indicator}
    return next((risk for risk in sentences if risk in grave), "")


def other_hazards(hazards: list[Hazard], said: str) -> str:
    """`Also: b and c. `: the hazards that the summary does not mention; Markdown."""
    others = [hazard for hazard in hazards if hazard.words not in said]
    return f"Also: {markdown(hazard_words(others), 300)}. " if others else ""


def hazard_words(hazards: Iterable[Hazard]) -> str:
    """Every hazard in words, gravest first; plain text."""
    ranked = sorted(hazards, key=lambda hazard: -hazard.indicator.rank)
    return listed(list(dict.fromkeys(hazard.words for hazard in ranked)))


@finding("patient")
def is_child(chart: Chart) -> bool:
    """Whether the patient is known to be under 18: no drug is suggested for a child."""
    return chart.age is not None and chart.age < ADULT


@finding(is_child, PARACETAMOL)
def may_have_paracetamol(chart: Chart) -> bool:
    """Whether paracetamol may be offered: not a child, no allergy to it, and not taken already."""
    return not (is_child(chart) or chart.allergies(PARACETAMOL) or chart.medicines(PARACETAMOL))


def not_checked(chart: Chart) -> Silent | None:
    """The silence if a hazard may hide in data that were not read or lack a date; None if everything was checked."""
    kinds = {"medication": "medicines", "allergy": "allergies", "patient": "the patient"}
    missing = [words for key, words in kinds.items() if not chart.has_seen(key)]
    if missing:
        return unread(listed(missing), "hazards may be missed")
    if clearance(chart) is not None:
        return None
    measured = (*chart.readings("egfr"), *chart.readings("creatinine"))
    return next((undated(reading) for reading in measured if reading.when is None), None)


def hazard_evidence(drafts: Iterable[Draft], hazards: Iterable[Hazard]) -> tuple[Evidence, ...]:
    """The drafts and the records behind the hazards."""
    facts = (*drafts, *(fact for hazard in hazards for fact in hazard.facts))
    distinct = {id(fact): fact for fact in facts}.values()  # many hazards may stand on the same few records
    return tuple(dict.fromkeys(Evidence.of(fact, _being_ordered(fact)) for fact in distinct))


def _being_ordered(fact: Fact) -> str:
    return f"{fact.text}, being ordered" if isinstance(fact, Draft) else ""
