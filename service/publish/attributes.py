"""The source attributes that 45 CFR 170.315(b)(11)(iv)(A) asks of evidence-based decision support, for one rule."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from cards.language.appraisals import appraisal
from cards.language.rule import Rule
from cards.language.sources import SOURCES
from cards.value_sets.value_set import VALUE_SETS
from service.publish.canonical import PUBLISHER, Json
from service.publish.words import NOT_SIGNED, cited

CRITERION = "45 CFR 170.315(b)(11)(iv)(A)"


class Attribute(Struct, frozen=True):
    """One attribute; `used` only of those that ask for the use of a kind of data."""

    number: int
    name: str
    value: str
    used: bool | None = None


class _Use(Struct, frozen=True):
    """A kind of data, and the keys of bindings.toml that hold it; it is used where all of `needs` are read as well."""

    number: int
    name: str
    keys: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    how: str = ""


_USES = (
    _Use(5, "race"),
    _Use(6, "ethnicity"),
    _Use(7, "language"),
    _Use(8, "sexual orientation"),
    _Use(9, "gender identity"),
    # The sex is asked by the clearance alone, and the clearance reads the creatinine.
    _Use(
        10,
        "sex",
        frozenset({"patient"}),
        frozenset({"observation.creatinine"}),
        "Patient.gender, for the creatinine clearance",
    ),
    _Use(11, "date of birth", frozenset({"patient"}), how="Patient.birthDate, for the age"),
    _Use(12, "social determinants of health data"),
    _Use(
        13,
        "health status assessments data",
        frozenset(
            {
                "condition.pregnancy",
                "condition.substance-use-disorder",
                "observation.gestation",
                "observation.pain-nrs",
                "observation.signs",
            }
        ),
    ),
)
_ASSESSED = {"observation.signs": "Bedside signs, among them whether the patient walks"}


def source_attributes(rule: Rule) -> tuple[Attribute, ...]:
    """The thirteen attributes of a rule, the uses of data derived from what it reads."""
    return (
        Attribute(1, "Bibliographic citation of the intervention", _bibliography(rule)),
        Attribute(2, "Developer of the intervention", PUBLISHER),
        Attribute(3, "Funding source of the technical implementation", "None is declared."),
        Attribute(4, "Release and, if applicable, revision dates of the intervention or its source", _dates(rule)),
        *(_attribute(use, rule.reads) for use in _USES),
    )


def as_json(rule: Rule) -> Json:
    """The attributes as they are served."""
    return {
        "rule": rule.id,
        "title": rule.title,
        "version": rule.version,
        "criterion": CRITERION,
        "attributes": [
            {"number": each.number, "name": each.name}
            | ({} if each.used is None else {"used": each.used})
            | {"value": each.value}
            for each in source_attributes(rule)
        ],
    }


def _bibliography(rule: Rule) -> str:
    where = f" {rule.source.url}" if rule.source.url else ""
    return f"{cited(rule.source)}.{where} Derived from: {SOURCES['seed'].label}."


def _dates(rule: Rule) -> str:
    versions = "; ".join(f"version {each.version} of {each.date}" for each in appraisal(rule).history)
    year = f" Source of {rule.source.year}." if rule.source.year else ""
    return f"Released: {versions}. Last reviewed {rule.reviewed}.{year} {NOT_SIGNED}"


def _attribute(use: _Use, reads: frozenset[str]) -> Attribute:
    found = use.keys & reads
    used = bool(found) and use.needs <= reads
    if not used:
        value = f"Not used: the rule reads no {use.name.removesuffix(' data')}."
    else:
        value = f"Used: {use.how or _named(found)}."
    return Attribute(use.number, f"Use of {use.name}", value, used)


def _named(keys: Iterable[str]) -> str:
    return "; ".join(_ASSESSED.get(key) or VALUE_SETS[key].name for key in sorted(keys))
