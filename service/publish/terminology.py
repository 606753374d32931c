"""A ValueSet for each set of codes that the rules read, and the CodeSystems of this project."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

from cards.orders import override_reasons
from cards.rule_book import RuleBook
from cards.value_sets.systems import EXAM, LOINC, RXNORM, SNOMED
from cards.value_sets.value_set import VALUE_SETS, ValueSet
from service.publish.canonical import Json, canonical, frame, last_reviewed
from service.publish.words import what_for
from service.wire.answer import CARDS_SYSTEM

_COPYRIGHT = {
    SNOMED: "This material includes SNOMED Clinical Terms® (SNOMED CT®), copyright IHTSDO / SNOMED International; "
    "each user needs an Affiliate or national licence.",
    LOINC: "This material contains content from LOINC (http://loinc.org), copyright Regenstrief Institute, Inc. and "
    "the LOINC Committee, available at no cost under the license at http://loinc.org/license.",
    RXNORM: "RxNorm names and identifiers are courtesy of the U.S. National Library of Medicine, which neither "
    "endorses nor recommends this or any other product.",
}


def value_sets(book: RuleBook) -> Iterator[Json]:
    """A ValueSet for each set of codes; one that is matched only by name has no compose and says so."""
    for key, value_set in VALUE_SETS.items():
        resource = frame("ValueSet", key, value_set.title, _description(value_set), since=last_reviewed(book, key))
        resource["purpose"] = f"Where its codes were checked: {value_set.source}"
        rights = [text for system, text in _COPYRIGHT.items() if system in value_set.listed]
        if rights:
            resource["copyright"] = "\n\n".join(rights)
        if value_set.listed:
            resource["compose"] = {"include": [_include(*system) for system in value_set.listed.items()]}
        yield resource


def _description(value_set: ValueSet) -> str:
    parts = [value_set.includes]
    if value_set.excludes:
        parts.append(f"Excluded: {value_set.excludes}")
    for system, patterns in value_set.patterns.items():
        expressions = " or ".join(f"`{pattern}`" for pattern in patterns)
        parts.append(f"In addition to the codes listed, every code of {system} that matches {expressions}.")
    for kind, systems in (("only for an onset", value_set.new), ("not for an onset", value_set.old)):
        codes = ", ".join(code for listed in systems.values() for code in listed)
        if codes:
            parts.append(f"These count {kind} that is known and at most 14 days ago: {codes}.")
    for system, patterns in value_set.patterns_new.items():
        expressions = " or ".join(f"`{pattern}`" for pattern in patterns)
        parts.append(
            f"Every code of {system} that matches {expressions} counts only for an onset that is known and at most "
            "14 days ago."
        )
    if value_set.conditions:
        names = ", ".join(VALUE_SETS[key].title for key in value_set.conditions)
        parts.append(f"Every code of these value sets counts as well: {names}.")
    if value_set.names_class:
        parts.append(f"Matched by name where a site turns the class on: {', '.join(value_set.names_class)}.")
    if value_set.names:
        parts.append(f"Matched by name as well: {', '.join(value_set.names)}.")
    if value_set.names and not value_set.listed:
        parts.append("No code is listed: a record is matched by its name only.")
    if value_set.meanings:
        parts.append(f"Meaning: {', '.join(f'{code} {meaning}' for code, meaning in value_set.meanings.items())}.")
    parts.append("A site may add its own codes in its settings; they are not listed here.")
    return "\n\n".join(parts)


def _include(system: str, codes: Mapping[str, str]) -> Json:
    return {"system": system, "concept": [{"code": code, "display": display} for code, display in codes.items()]}


def code_systems(book: RuleBook) -> Iterator[Json]:
    """The bedside findings, the identities of the cards, and the override reasons."""
    yield _code_system(
        book,
        "exam",
        EXAM,
        "Bedside findings",
        "Examination findings and their answers, which LOINC and SNOMED CT do not code in the form the rules need.",
        _exam(),
    )
    yield _code_system(
        book,
        "cards",
        CARDS_SYSTEM,
        "Cards",
        "The identity of each recommendation, as given in the topic of a card's source. A code is never reused.",
        ((rule.id, rule.title, what_for(rule)) for _, rule in sorted(book.rules.items())),
    )
    yield _code_system(
        book,
        "override-reasons",
        override_reasons.SYSTEM,
        "Override reasons",
        "Why a clinician may set a card aside.",
        (
            (code, display, override_reasons.MEANINGS[code])
            for code, display in override_reasons.OVERRIDE_REASONS.items()
        ),
    )


def _exam() -> Iterator[tuple[str, str, str]]:
    meanings = tomllib.loads(files("service.publish").joinpath("exam.toml").read_text(encoding="utf-8"))
    displays: dict[str, str] = {}
    for value_set in VALUE_SETS.values():
        displays |= value_set.listed.get(EXAM, {})
    for code, display in sorted(displays.items()):
        yield code, display, meanings.get(code, display)


def _code_system(
    book: RuleBook, id: str, url: str, title: str, description: str, concepts: Iterable[tuple[str, str, str]]
) -> Json:
    assert url == canonical("CodeSystem", id)
    defined = [{"code": code, "display": display, "definition": meaning} for code, display, meaning in concepts]
    code_system = frame("CodeSystem", id, title, description, since=last_reviewed(book))
    return code_system | {"caseSensitive": True, "content": "complete", "count": len(defined), "concept": defined}
