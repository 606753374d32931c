"""The ways in which FHIR R4 can write a code, a side or a time: the plainest one, or one that is drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from random import Random
from typing import Any, TypeVar

from cards.value_sets.systems import EXAM, HCPCS, ICD10CM, LOINC, RXNORM, SNOMED
from cards.value_sets.value_set import VALUE_SETS

Json = dict[str, Any]
Fact = Mapping[str, Any]
T = TypeVar("T")

ALIASES = {
    "l5-root-compression": "root-compression",
    "common-peroneal-neuropathy-fibular-head": "peroneal-neuropathy",
    "paracetamol": "acetaminophen",
}
RECENT = 14  # days: some codes count only for a Condition that began by then, or earlier (D75)
SITE_CODES = "https://ehr.example/codes"
_UCUM = "http://unitsofmeasure.org"
_OIDS = {
    SNOMED: "urn:oid:2.16.840.1.113883.6.96",
    LOINC: "urn:oid:2.16.840.1.113883.6.1",
    ICD10CM: "urn:oid:2.16.840.1.113883.6.90",
    RXNORM: "urn:oid:2.16.840.1.113883.6.88",
    HCPCS: "urn:oid:2.16.840.1.113883.6.285",
}
_SIDES = {"left": ("419161000", "7771000"), "right": ("419465000", "24028007"), "bilateral": ("51440002",)}
# Two sets with the same meaning for every rule: a code in both may be used for either.
_SAME_MEANING = frozenset({"condition.lumbar-radiculopathy", "condition.radicular-pain"})
# Members of the sets that name a range of codes in addition to the listed ones.
_BY_RANGE = {
    "condition.spinal-cord-injury": ("S14.115A", "S24.151A", "S34.124A"),
    "condition.cancer-active": ("C61", "C50.911", "C34.90"),
}


@cache
def key_of(kind: str, code: str) -> str | None:
    """The value set that a fact's code names, if any."""
    name = ALIASES.get(code, code)
    if kind == "observation":
        for key in ("observation.mrc", "observation.signs"):
            if name in VALUE_SETS[key].codes[EXAM]:
                return key
    if kind == "lesion" and f"lesion.{name}" not in VALUE_SETS:
        kind = "condition"  # a lesion may be named by a disease (D63)
    return f"{kind}.{name}" if f"{kind}.{name}" in VALUE_SETS else None


@cache
def _codes_of(key: str, is_recent: bool) -> dict[str, dict[str, str]]:
    """The codes of a value set, including those that count only for a recent or only for an older onset."""
    values = VALUE_SETS[key]
    by_onset = values.new if is_recent else values.old
    codes = {system: dict(listed) for system, listed in values.codes.items()}
    if not by_onset and not any(codes.values()):
        by_onset = values.listed  # no code counts for this onset, as the caller wants
    for system, listed in by_onset.items():
        codes[system] = codes.get(system, {}) | dict(listed)
    for condition in values.conditions:
        for system, listed in VALUE_SETS[condition].codes.items():
            codes[system] = codes.get(system, {}) | dict(listed)
    return codes


@cache
def _means_more(key: str, system: str, code: str) -> bool:
    """Whether the code also means another fact of its kind."""
    family = _SAME_MEANING if key in _SAME_MEANING else {key}
    kind = key.split(".")[0] + "."
    return any(
        code in other.codes.get(system, {})
        for name, other in VALUE_SETS.items()
        if name.startswith(kind) and name not in family
    )


@dataclass(frozen=True)
class Encoding:
    """How the facts of one patient at one moment are written; with ``choose`` every choice is drawn."""

    now: datetime
    patient_id: str
    choose: Random | None = None
    dates_only: bool = False

    def pick(self, options: Sequence[T]) -> T:
        return options[0] if self.choose is None else self.choose.choice(options)

    def chance(self, share: float) -> bool:
        return self.choose is not None and self.choose.random() < share

    def shuffled(self, items: Sequence[T]) -> list[T]:
        return list(items) if self.choose is None else self.choose.sample(items, len(items))

    def patient(self) -> Json:
        relative = f"Patient/{self.patient_id}"
        absolute = f"https://ehr.example/fhir/{relative}"
        return {"reference": self.pick([relative, absolute, f"{relative}/_history/3", f"{absolute}/_history/3"])}

    # Codes

    def coding(self, system: str, code: str, display: str | None = None) -> Json:
        if system == ICD10CM and self.chance(0.2):
            code = self.pick([code.replace(".", ""), code.lower(), code.replace(".", "").lower()])
        if self.chance(0.1):
            code = self.pick([f" {code}", f"{code} "])
        if system in _OIDS and self.chance(0.15):
            system = _OIDS[system]
        coding = {"system": system, "code": code}
        return coding | {"display": display} if display and not self.chance(0.3) else coding

    def concept(self, *codings: Json, text: str | None = None) -> Json:
        written = list(codings)
        if written and self.chance(0.2):
            stray = {"system": SITE_CODES, "code": "LOCAL-7", "display": "Local entry"}
            written.insert(self.pick([0, len(written)]), stray)
        return ({"coding": written} if written else {}) | ({"text": text} if text else {})

    def of(self, kind: str, code: str) -> Json:
        """The concept of a fact's code; a code without a value set is text only."""
        return self.sided(kind, code, None)[0]

    def sided(
        self, kind: str, code: str, side: str | None, both: str | None = None, days_ago: float | None = None
    ) -> tuple[Json, bool]:
        """The concept, and whether its code gives the side; ``both`` is a second value set that the code must be in.

        No side is written with a code that does not allow one to be read.
        """
        key = key_of(kind, code)
        if key is None:
            return {"text": code}, False
        values = VALUE_SETS[key]
        codes = _codes_of(key, days_ago is not None and days_ago <= RECENT)
        systems = sorted(codes, key=lambda system: kind == "condition" and system != SNOMED)
        found = [
            (system, written, display)
            for system in systems
            for written, display in codes[system].items()
            if values.side_stated(written) in (None, side) and not (side and written in values.no_side.get(system, ()))
        ]
        if key in ("observation.mrc", "observation.signs"):
            found = [one for one in found if one[1] == code]
        if both is not None:
            found = [one for one in found if one[1] in VALUE_SETS[both].codes.get(one[0], {})]
        else:
            found = [one for one in found if not _means_more(key, one[0], one[1])] or found
            if self.choose is not None:
                found += [(ICD10CM, written, code) for written in _BY_RANGE.get(key, ())]
        saying = [one for one in found if values.side_stated(one[1])]
        chosen = self.pick(saying if saying and self.chance(0.5) else found)
        return self.concept(self.coding(*chosen)), values.side_stated(chosen[1]) is not None

    def sites(self, side: str | None) -> list[Json]:
        """The concepts of bodySite that give the side."""
        if side is None:
            return [{"text": "left leg"}] if self.chance(0.1) else []
        if side == "bilateral" and self.chance(0.5):
            two = self.shuffled([self._site("left"), self._site("right")])
            return self.pick([[self.concept(*two)], [self.concept(one) for one in two]])
        return [self.concept(self._site(side))]

    def site(self, side: str | None) -> Json:
        """The bodySite of an Observation, which holds one concept."""
        sites = self.sites(side)
        if len(sites) == 2:
            sites = [{"coding": [coding for concept in sites for coding in concept["coding"]]}]
        return {"bodySite": sites[0]} if sites else {}

    def _site(self, word: str) -> Json:
        return self.coding(SNOMED, self.pick(_SIDES[word]), word.title())

    def quantity(self, value: float, unit: str | None) -> Json:
        if unit is None:
            return {"value": value}
        coded = {"system": _UCUM, "code": unit}
        return {"value": value} | self.pick([{"unit": unit} | coded, coded, {"unit": unit}])

    # Times

    def time(self, days_ago: float) -> str:
        when = self.now - timedelta(days=days_ago)
        if self.dates_only:
            return when.date().isoformat()
        minutes = self.pick([None, 0, 330, -480, 765])
        return when.isoformat() if minutes is None else when.astimezone(_offset(minutes)).isoformat()

    def observed(self, days_ago: float | None) -> Json:
        if days_ago is not None and self.chance(0.2):
            return {"effectiveInstant": self.time(days_ago)}
        return self.reported(days_ago)

    def reported(self, days_ago: float | None) -> Json:
        return self._timed(days_ago, [
            lambda d: {"effectiveDateTime": self.time(d)},
            lambda d: {"effectiveDateTime": self.time(d), "issued": self.time(d - 0.01)},
            lambda d: {"effectivePeriod": {"start": self.time(d + 2), "end": self.time(d)}},
            lambda d: {"effectivePeriod": {"start": self.time(d)}},
            lambda d: {"issued": self.time(d)},
        ])  # fmt: skip

    def onset(self, days_ago: float | None) -> Json:
        if days_ago is None:
            return self.pick([{}, {"onsetString": "some time ago"}, {"onsetAge": {"value": 40, "unit": "a"}}])
        return self._timed(days_ago, [
            lambda d: {"onsetDateTime": self.time(d)},
            lambda d: {"onsetDateTime": self.time(d), "recordedDate": self.time(d / 2)},
            lambda d: {"onsetPeriod": {"start": self.time(d)}},
            lambda d: {"onsetPeriod": {"start": self.time(d), "end": self.time(d / 2)}},
            lambda d: {"recordedDate": self.time(d)},
        ])  # fmt: skip

    def ordered(self, days_ago: float | None) -> Json:
        return self._timed(days_ago, [
            lambda d: {"authoredOn": self.time(d)},
            lambda d: {"authoredOn": self.time(d), "occurrenceDateTime": self.time(d - 21)},
            lambda d: {"occurrenceDateTime": self.time(d)},
            lambda d: {"occurrencePeriod": {"start": self.time(d), "end": self.time(d - 1)}},
        ])  # fmt: skip

    def performed(self, days_ago: float | None) -> Json:
        return self._timed(days_ago, [
            lambda d: {"performedDateTime": self.time(d)},
            lambda d: {"performedPeriod": {"start": self.time(d + 0.2), "end": self.time(d)}},
            lambda d: {"performedPeriod": {"start": self.time(d)}},
        ])  # fmt: skip

    def _timed(self, days_ago: float | None, forms: Sequence[Callable[[float], Json]]) -> Json:
        return {} if days_ago is None else self.pick(forms)(days_ago)


def _offset(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))
