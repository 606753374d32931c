"""A page for each rule, and one that lists them: HTML without scripts that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from cards.language.sources import SOURCES, branches
from cards.orders.catalogue import CATALOGUE
from cards.orders.override_reasons import offered
from cards.value_sets.systems import (
    ATC,
    EXAM,
    HCPCS,
    ICD10,
    ICD10CM,
    ICD10GM,
    LOINC,
    MEDRT,
    NCIT,
    RXNORM,
    SNOMED,
    V2_0136,
    V2_0532,
    V3_INTERPRETATION,
)
from cards.value_sets.value_set import VALUE_SETS
from service.hooks import HOOKS
from service.publish import html
from service.publish.attributes import CRITERION, source_attributes
from service.publish.canonical import resource_id
from service.publish.drawn import Drawn
from service.publish.ruler import drawn as ruler
from service.publish.ruler import windows
from service.publish.sentences import sentences
from service.publish.words import signed, what_for
from service.signoff.records import NO_SIGNATURE
from service.signoff.site import Site
from service.signoff.standing import State

if TYPE_CHECKING:
    from service.signoff.dossier import Dossier

_SYSTEM_NAMES = {
    SNOMED: "SNOMED CT",
    LOINC: "LOINC",
    ICD10CM: "ICD-10-CM",
    RXNORM: "RxNorm",
    HCPCS: "HCPCS Level II",
    EXAM: "Bedside findings (this project's own)",
    V3_INTERPRETATION: "HL7 v3 interpretation",
    V2_0136: "HL7 v2 table 0136",
    V2_0532: "HL7 v2 table 0532",
    NCIT: "NCI Thesaurus",
    ICD10: "ICD-10 (WHO)",
    ICD10GM: "ICD-10-GM",
    ATC: "ATC",
    MEDRT: "MED-RT",
}
_GROUPS = {
    "condition": "Problems",
    "observation": "Findings and measurements",
    "report": "Reports",
    "lesion": "Lesions that a report concludes",
    "order": "Orders",
    "procedure": "Procedures",
    "device": "Devices",
    "medication": "Medicines",
    "allergy": "Allergies",
}
# Source attribute number -> the element of Patient that a rule reads if it uses the attribute.
_PERSONS = {10: "the sex", 11: "the birth date"}


_NOT_DRAWN = Drawn()


class Links(Struct, frozen=True):
    """How the pages link to each other; `{}` stands for an id. `home` and `case` are empty if they do not exist."""

    index: str
    rule: str
    attributes: str
    resource: str
    home: str = ""
    case: str = ""

    def to_rule(self, id: str) -> str:
        """The link to the page of a rule."""
        return self.rule.format(id)

    def to_attributes(self, id: str) -> str:
        """The link to the source attributes of a rule."""
        return self.attributes.format(id)

    def to_case(self, id: str, case: str) -> str:
        """The link that opens a case of a rule in the simulator."""
        return self.case.format(id, case)

    def to_resource(self, kind: str, key: str) -> str:
        """The link to a published resource."""
        return self.resource.format(kind, resource_id(key))


SAVED = Links("index.html", "{}.html", "{}.source-attributes.json", "../fhir/{}/{}.json")


def served(root: str, *, is_played: bool = False) -> Links:
    """The links of a service mounted below `root` (empty: at the top); `is_played` if it has the simulator."""
    root = root.replace("{", "{{").replace("}", "}}")
    return Links(
        f"{root}/rules",
        f"{root}/rules/{{}}",
        f"{root}/rules/{{}}/source-attributes",
        f"{root}/fhir/{{}}/{{}}",
        f"{root}/",
        f"{root}/simulator/cases/{{}}/{{}}" if is_played else "",
    )


class Codes(Struct, frozen=True):
    """A value set on a page: its codes and displays by system name, and what it matches without a code."""

    key: str
    name: str
    systems: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    patterns: tuple[str, ...]
    words: tuple[str, ...]


def index(site: Site, links: Links) -> str:
    """The page that lists every rule in the order in which cards are shown. Raises RefusedSignoffError."""
    today = site.today
    return html.rendered(
        "index.html",
        rules=[(rule, site.standings.of(id, today)) for id, rule in site.book.rules.items()],
        links=links,
        is_signed=bool(site.standings.words(today)),
        no_signature=NO_SIGNATURE,
    )


def page(read: Dossier, links: Links, drawn: Drawn = _NOT_DRAWN) -> str:
    """The page of a rule, which can be printed and signed; `drawn` holds its cases."""
    rule, appraised = read.rule, read.appraised
    attributes = source_attributes(rule, read.standing)
    told = windows(read.description.thresholds, read.thresholds)
    return html.rendered(
        "rule.html",
        drawn=drawn,
        windows=told,
        ruler=ruler(told),
        rule=rule,
        read=read,
        links=links,
        signed=signed(read.standing),
        is_valid=read.standing.state is State.SIGNED,
        no_signature=NO_SIGNATURE,
        what_for=what_for(rule),
        hooks=[(hook, HOOKS[hook].title) for hook in rule.hooks],
        sentences=sentences(rule.id),
        appraised=appraised,
        branches=branches(rule.id),
        orders=[(key, CATALOGUE[key].text) for key in rule.suggests],
        reasons=offered(rule.overrides),
        seed=SOURCES["seed"].label,
        codes=list(_groups(rule.reads)),
        persons=[_PERSONS[use.number] for use in attributes if use.used and use.number in _PERSONS],
        reads_encounter="encounter" in rule.reads,
        attributes=attributes,
        criterion=CRITERION,
    )


def _groups(reads: frozenset[str]) -> Iterator[tuple[str, list[Codes]]]:
    for prefix, heading in _GROUPS.items():
        sets = [_codes(key) for key in _of(prefix, reads)]
        if sets:
            yield heading, sets


def _of(prefix: str, reads: Iterable[str]) -> list[str]:
    return sorted(key for key in reads if key.partition(".")[0] == prefix and key in VALUE_SETS)


def _codes(key: str) -> Codes:
    value_set = VALUE_SETS[key]
    return Codes(
        key=key,
        name=value_set.name,
        systems=tuple((_SYSTEM_NAMES[system], tuple(codes.items())) for system, codes in value_set.listed.items()),
        patterns=tuple(pattern for _, pattern in value_set.all_patterns),
        words=value_set.names,
    )
