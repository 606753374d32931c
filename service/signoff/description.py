"""What is signed of a rule: a frozen description, and its SHA-256.

It holds how the rule decides, which card gives way, the codes, the cases, and every text that its card can print. It
leaves out formatting, comments and docstrings, and also how a record is read and a card is sent: for those, the record
of the sign-off names the version of the package.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from cards.language.appraisals import appraisal
from cards.language.precedence import Precedence
from cards.language.rule import Rule
from cards.language.sources import SOURCES
from cards.orders.catalogue import CATALOGUE
from cards.orders.override_reasons import offered
from cards.record.codes import Codes
from cards.rule_book import RuleBook, asked_by, gates_of
from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS, ValueSet
from service.signoff import syntax
from service.signoff.definitions import Place, definitions, digest, digest_of, durations, source, texts_of, words

Json = dict[str, Any]

# The modules whose words stand on the cards of every rule.
_FRAME = (
    "cards.decide",
    "cards.language.escaping",
    "cards.offers",
    "cards.orders.catalogue",
    "cards.orders.changes",
    "cards.record.prefetch_keys",
    "service.wire.answer",
    "service.wire.detail",
)
# The value sets with which any record is read: answers, sides and sites, and why an order was withdrawn.
_SHARED = ("answer.", "category.", "reason.", "side.", "site.")


class Description(Struct, frozen=True, kw_only=True):
    """What is signed of one rule.

    `code` holds a digest of each definition by which it decides, by name. `thresholds` holds the named numbers for
    people to read; the digests cover them.
    """

    rule: str
    version: str
    title: str
    code: dict[str, str]
    thresholds: dict[str, str]
    precedence: Json
    value_sets: dict[str, Json]
    cases: list[Json]
    texts: dict[str, Any]

    @property
    def sha256(self) -> str:
        """The SHA-256 of everything but the thresholds: versions of Python may write a number in different ways."""
        signed = {name: getattr(self, name) for name in self.__struct_fields__ if name != "thresholds"}
        return digest(signed)


def describe(rule: Rule, book: RuleBook, codes: Codes) -> Description:
    """What is signed of a rule of the book, with the site's own codes. Raises NoSourceError."""
    code = definitions(roots(rule, book)) | durations("cards.record")
    return Description(
        rule=rule.id,
        version=rule.version,
        title=rule.title,
        code={str(place): digest_of(place) for place in code},
        thresholds=_thresholds(code.items()),
        precedence=rows(rule.id, book.precedence),
        value_sets={key: _value_set(VALUE_SETS[key], codes) for key in _keys(rule)},
        cases=sorted(cases(rule), key=lambda case: str(case.get("name"))),
        texts=_texts(rule, code),
    )


def roots(rule: Rule, book: RuleBook) -> list[Place]:
    """The rule, the rules that it asks, and the gates of all of them."""
    asked = [book.rules[id] for id in sorted(asked_by(rule, book.precedence) | {rule.id})]
    gates = [gate for one in asked for gate in gates_of(one, book.precedence)]
    functions: list[Any] = [*(one.advise for one in asked), *gates]
    return [Place(function.__module__, function.__name__) for function in functions]


def _thresholds(code: Iterable[tuple[Place, tuple[Any, ...]]]) -> dict[str, str]:
    named = {
        f"{place.module}.{name}": value
        for place, statements in code
        for statement in statements
        for name, value in syntax.numbers(statement).items()
    }
    return dict(sorted(named.items()))


def rows(rule: str, precedence: Precedence) -> Json:
    """What precedence.toml says about a rule, and about all rules."""
    table: Json = msgspec.to_builtins(precedence, order="deterministic")
    order = precedence.order
    mine = [row for row in table.pop("imaging") if rule in (row["rule"], row["replaced_by"], *row["yields_to"])]
    before = order[: order.index(rule)] if rule in order else order
    said: Json = {"before": sorted(before), "most_cards": table.pop("most_cards"), "imaging": mine}
    table.pop("order")
    said["only_alone"] = rule in table.pop("only_alone")
    said["new_problem"] = table.pop("new_problem")["asks"]
    for name, part in table.items():
        for member, value in part.items():
            said[f"{name}.{member}"] = value if isinstance(value, str) else rule in value
    return said


def _keys(rule: Rule) -> list[str]:
    """The value sets that a rule reads or sends, the shared ones, and those whose codes all count for one of these."""
    named = rule.reads | set(rule.suggests)
    keys = {key for key in VALUE_SETS if key in named or key.startswith(_SHARED)}
    if "allergy" in named:
        keys |= {key for key in VALUE_SETS if key.startswith("allergy.")}
    return sorted(keys | {condition for key in keys for condition in VALUE_SETS[key].conditions})


def _value_set(value_set: ValueSet, codes: Codes) -> Json:
    """What counts for a value set, with the codes and names that the site adds."""
    has_class = value_set.key in codes.medicine_classes
    counted: Json = {
        "title": value_set.title,
        "names": [*value_set.names, *(value_set.names_class if has_class else ())],
        "conditions": list(value_set.conditions),
        "side_from_code": dict(value_set.sides),
        "side_from_pattern": dict(value_set.side_patterns),
        "meanings": dict(value_set.meanings),
    }
    for member in ("codes", "old", "new"):
        listed: Mapping[str, Mapping[str, str]] = getattr(value_set, member)
        # the first code of a system is the one that orders are sent with
        counted[member] = {system: [[code, display] for code, display in of.items()] for system, of in listed.items()}
    for member in ("no_side", "patterns", "patterns_new"):
        counted[member] = {system: list(of) for system, of in getattr(value_set, member).items()}
    sites = {"site": codes.overlay, "site_expansion": codes.expansions}
    counted |= {name: added for name, overlay in sites.items() if (added := dict(_added(value_set, overlay)))}
    return {member: value for member, value in counted.items() if value}


def _added(value_set: ValueSet, overlay: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """What a site adds to a value set, or to one of the bedside findings in it."""
    kind = value_set.key.partition(".")[0]
    names = {value_set.key, *(f"{kind}.{exam}" for exam in value_set.codes.get(EXAM, ()))}
    for name in sorted(names & overlay.keys()):
        yield name, {system: sorted(of) for system, of in overlay[name].items()}


@cache
def _document(rule: str) -> Json:
    file = files("cards").joinpath(f"rules/{rule.replace('-', '_')}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def cases(rule: Rule) -> list[Json]:
    """The cases of a rule, each with the facts of the templates that it names."""
    document = _document(rule.id)
    templates = document.get("like", {})
    whole = []
    for case in document.get("case", ()):
        like = case.get("like", ())
        named = [like] if isinstance(like, str) else like
        whole.append({**case, **({"like": {name: templates.get(name) for name in named}} if named else {})})
    plain: list[Json] = msgspec.to_builtins(whole)
    return plain


def _texts(rule: Rule, code: Iterable[Place]) -> dict[str, Any]:
    told = {text for place in code for text in texts_of(place)}
    appraised = appraisal(rule)
    return {
        "rule": sorted(told),
        "card": list(_frame()),
        "sources": {key: msgspec.to_builtins(SOURCES[key]) for key in _sources(rule)} | _own_source(rule),
        "orders": {key: CATALOGUE[key].text for key in sorted(rule.suggests)},
        "override_reasons": [reason.display for reason in offered(rule.overrides)],
        "page": {
            "conflicts": list(appraised.conflicts),
            "caveats": list(appraised.caveats),
            "changes": list(appraised.changes),
            "not_evaluated": list(appraised.not_evaluated),
        },
    }


def _sources(rule: Rule) -> list[str]:
    return [key for key in SOURCES if key == rule.id or key.startswith(f"{rule.id}.")]


def _own_source(rule: Rule) -> Json:
    """The source that a rule names itself."""
    return {} if rule.id in SOURCES else {rule.id: msgspec.to_builtins(rule.source)}


@cache
def _frame() -> tuple[str, ...]:
    return words(_FRAME)


def lines_of(thresholds: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each threshold as its module writes it, with the comment behind it, which gives its unit and its decision."""
    for path in thresholds:
        module, _, name = path.rpartition(".")
        told = source(module)
        for statement in told.defined.get(name, ()) if told else ():
            yield path, told.written(statement) if told else ""
