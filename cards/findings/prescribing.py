"""What the three drug cards share: their scope, the drafts they judge, and what is taken beside them (D41 to D45)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, structs

from cards.findings.foot_drop import foot_drop
from cards.findings.measurements import clearance
from cards.findings.pain import radicular_pain
from cards.findings.silences import undated, unread
from cards.language.escaping import listed, name
from cards.language.finding import finding
from cards.language.verdict import Indicator, Silent, not_applicable
from cards.record.chart import Chart
from cards.record.facts import Draft, Evidence, Fact, Medicine

KIDNEY = "condition.chronic-kidney-disease"
OLD = 65  # years
ADULT = 18
PARACETAMOL = "medication.acetaminophen"
NSAIDS = ("medication.ibuprofen", "medication.naproxen", "medication.other-nsaid")
ANTITHROMBOTIC = ("medication.anticoagulant", "medication.antiplatelet", "medication.aspirin")
SSRIS = ("medication.ssri", "medication.fluvoxamine")


OUT_OF_SCOPE = not_applicable("neither foot drop nor radicular pain is recorded")


class Hazard(Struct, frozen=True):
    """One reason against a draft: how grave, what is feared, in a word or two, and the records behind it.

    `risk` is a word that the cards know: allergy, dose, breathing, kidney, bleeding, serotonin, stomach, heart,
    pregnancy, liver, eye, mood or interaction. `draft` is the one that it speaks of.
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
    """What is taken or ordered beside a draft, and its names in a line; plain text."""

    facts: tuple[Medicine | Draft, ...]
    names: str

    def __bool__(self) -> bool:
        return bool(self.facts)


_NOTHING = Beside((), "")


def beside(chart: Chart, draft: Draft | None, *keys: str) -> Beside:
    """Active medicines and other drafts of these keys."""

    taken = chart.medicines(*keys)
    if not taken and not chart.drafts:
        return _NOTHING

    def gather() -> tuple[Beside, frozenset[str]]:
        wanted = frozenset(keys)
        everything = _beside([*taken, *(other for other in chart.drafts if not wanted.isdisjoint(other.keys))])
        return everything, frozenset(fact.reference for fact in everything.facts)

    together, references = chart.once((beside, keys), gather)
    if draft is None or draft.reference not in references:
        return together  # the same for nearly every draft
    return _beside(
        fact
        for fact in together.facts
        if fact is not draft and (isinstance(fact, Draft) or fact.reference != draft.reference)
    )


def _beside(facts: Iterable[Medicine | Draft]) -> Beside:
    kept = tuple(facts)
    return Beside(kept, names(kept))


def names(facts: Iterable[Fact]) -> str:
    """The medicines in a line, as recorded; plain text."""
    return ", ".join(sorted({name(fact.text) for fact in facts}, key=str.lower))


@finding(clearance, KIDNEY)
def unmeasured_kidney_disease(chart: Chart) -> Fact | None:
    """D42: chronic kidney disease on record while the clearance is unknown."""
    return chart.problem(KIDNEY) if clearance(chart) is None else None


def unmeasured_kidneys(chart: Chart) -> list[Hazard]:
    """D42: kidney disease of unknown degree warns."""
    kidney = unmeasured_kidney_disease(chart)
    return [Hazard.warning("kidney", "kidney disease without a clearance", kidney)] if kidney else []


def loudest(hazards: Iterable[Hazard]) -> Indicator:
    """The gravest of several hazards; information when there is none."""
    return max((hazard.indicator for hazard in hazards), key=lambda loud: loud.rank, default=Indicator.INFO)


def spoken(hazards: list[Hazard], sentences: Mapping[str, str], **more: str) -> str:
    """The sentence of the first risk that is present at the highest gravity, filled with its words and with `more`."""
    indicator = loudest(hazards)
    grave = [hazard for hazard in hazards if hazard.indicator is indicator]
    for risk, sentence in sentences.items():
        words = list(dict.fromkeys(hazard.words for hazard in grave if hazard.risk == risk))
        if words:
            return sentence.format(words=listed(words[:3]), **more)
    return ""


def hazard_words(hazards: Iterable[Hazard]) -> str:
    """Every hazard in words, the gravest first; plain text."""
    ranked = sorted(hazards, key=lambda hazard: -hazard.indicator.rank)
    return listed(list(dict.fromkeys(hazard.words for hazard in ranked)))


@finding("patient")
def is_child(chart: Chart) -> bool:
    """Known to be under 18: no drug is suggested to a child."""
    return chart.age is not None and chart.age < ADULT


@finding(is_child, PARACETAMOL)
def may_have_paracetamol(chart: Chart) -> bool:
    """Paracetamol may be offered: no child, no allergy to it, not taken already."""
    return not (is_child(chart) or chart.allergies(PARACETAMOL) or chart.medicines(PARACETAMOL))


def not_checked(chart: Chart) -> Silent | None:
    """The silence where a hazard may hide: what was not read, or lacks a date; None when everything was checked."""
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
