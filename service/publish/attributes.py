"""The source attributes of each rule that 45 CFR 170.315(b)(11)(iv)(A) requires of evidence-based decision support."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from cards.language.appraisals import appraisal
from cards.language.rule import Rule
from cards.language.sources import SOURCES, Source, branches
from cards.value_sets.value_set import VALUE_SETS
from service.publish.canonical import PUBLISHER, Json
from service.publish.words import cited, signed
from service.signoff.standing import UNSIGNED, Standing

CRITERION = "45 CFR 170.315(b)(11)(iv)(A)"


class Attribute(Struct, frozen=True):
    """One source attribute; `used` is set only if it is about the use of a kind of data."""

    number: int
    name: str
    value: str
    used: bool | None = None


class _Use(Struct, frozen=True):
    """A kind of data and the keys of bindings.toml that hold it; it is used only if all of `needs` are read too."""

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
    # Only the creatinine clearance needs the sex, and it also reads the creatinine.
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
_ASSESSED = {"observation.signs": "Bedside signs, including whether the patient walks"}


def source_attributes(rule: Rule, standing: Standing = UNSIGNED) -> tuple[Attribute, ...]:
    """The thirteen attributes of a rule; its uses of data are derived from what it reads."""
    return (
        Attribute(1, "Bibliographic citation of the intervention", _bibliography(rule)),
        Attribute(2, "Developer of the intervention", PUBLISHER),
        Attribute(3, "Funding source of the technical implementation", "None declared."),
        Attribute(
            4, "Release and, if applicable, revision dates of the intervention or its source", _dates(rule, standing)
        ),
        *(_attribute(use, rule.reads) for use in _USES),
    )


def as_json(rule: Rule, standing: Standing = UNSIGNED) -> Json:
    """The attributes of a rule as JSON."""
    return {
        "rule": rule.id,
        "title": rule.title,
        "version": rule.version,
        "criterion": CRITERION,
        "attributes": [
            {"number": attribute.number, "name": attribute.name}
            | ({} if attribute.used is None else {"used": attribute.used})
            | {"value": attribute.value}
            for attribute in source_attributes(rule, standing)
        ],
    }


def _bibliography(rule: Rule) -> str:
    own = f"{cited(rule.source)}.{f' {rule.source.url}' if rule.source.url else ''}"
    of_branches = (f"{source.branch}: {_cited(source)}" for source in branches(rule.id))
    return " ".join([own, *of_branches, f"Derived from: {SOURCES['seed'].label}."])


def _cited(source: Source) -> str:
    words = "expert judgement" if source.is_judgement else cited(source)
    return f"{words}.{f' {source.url}' if source.url else ''}"


def _dates(rule: Rule, standing: Standing) -> str:
    versions = "; ".join(f"version {version.version} on {version.date}" for version in appraisal(rule).history)
    year = f" Source published {rule.source.year}." if rule.source.year else ""
    return f"Released: {versions}. Last reviewed {rule.reviewed}.{year} {signed(standing)}"


def _attribute(use: _Use, reads: frozenset[str]) -> Attribute:
    keys = use.keys & reads
    used = bool(keys) and use.needs <= reads
    value = f"Used: {use.how or _named(keys)}." if used else f"Not used: the rule does not read {use.name}."
    return Attribute(use.number, f"Use of {use.name}", value, used)


def _named(keys: Iterable[str]) -> str:
    return "; ".join(_ASSESSED.get(key) or VALUE_SETS[key].name for key in sorted(keys))
