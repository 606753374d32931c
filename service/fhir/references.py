"""References that a record needs to mean anything: a Medication, the results of a scan or of a reported lesion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cards.record.codes import Codes, RecordCodes
from cards.record.decoding import RESULTS
from cards.record.records import FHIR_ID, DiagnosticReport, MedicationRequest, Resource, local_id, reference_id
from cards.record.whose import Whose, whose

MOST = 100  # references read for one request: a FHIR server would take more for an attack

Records = Mapping[str, Sequence[Resource]]


class Lacking(NamedTuple):
    """Something that a record of `key` refers to and that is missing; with an empty `url` it cannot be read."""

    key: str
    kind: str
    url: str
    identity: str = ""

    def among(self, records: Iterable[Resource]) -> list[Resource]:
        """The referenced resource among the records of a server's answer."""
        return [record for record in records if record.resourceType == self.kind and record.id == self.identity]


def lacking(records: Records, codes: Codes, patient_id: str, drafted: Sequence[str] = ()) -> list[Lacking]:
    """What this patient's records (by prefetch key) refer to, if it is neither contained nor among them; each once.

    `drafted` are the Medications to which the drafts of an order hook refer.
    """
    if not (drafted or records.get("medications") or records.get("statements") or records.get("reports")):
        return []
    prescribed = list(_medications(records, patient_id))
    if "medications" in records:
        prescribed += [("medications", pointer) for pointer in drafted]
    results = list(_results(records, codes, patient_id))
    if not prescribed and not results:
        return []
    return [
        *_missing("Medication", prescribed, records, ("medications", "statements")),
        *_missing("Observation", results, records, ("observations", "reports")),
    ]


def _missing(
    kind: str, wanted: Iterable[tuple[str, str]], records: Records, keys: tuple[str, ...]
) -> Iterable[Lacking]:
    here = {record.id for key in keys for record in records.get(key, ()) if record.resourceType == kind}
    missing: dict[str, Lacking] = {}
    for key, reference in wanted:
        named = local_id(reference, kind)
        if named is None or named not in here:
            identity = reference_id(reference, kind)
            missing.setdefault(identity or reference, Lacking(key, kind, _url(reference, identity), identity or ""))
    return missing.values()


def _url(reference: str, identity: str | None) -> str:
    if identity is None or not FHIR_ID.fullmatch(identity):
        return ""
    return reference.strip().partition("/_history/")[0]


def _medications(records: Records, patient_id: str) -> Iterator[tuple[str, str]]:
    for key in ("medications", "statements"):
        for record in records.get(key, ()):
            if not isinstance(record, MedicationRequest):
                continue
            named = record.pointer
            if named is None or not named.reference or _is_local(named.reference, record):
                continue
            if whose(record, patient_id) is Whose.OURS:
                yield key, named.reference


def _is_local(reference: str, record: MedicationRequest) -> bool:
    """Whether a reference names a contained resource; `#` may be missing, or may also be on the contained id."""
    held = record.contained or () if "/" not in reference else ()
    return reference.startswith("#") or any((inner.id or "").removeprefix("#") == reference for inner in held)


def _may_name_a_lesion(record: DiagnosticReport, codes: Codes, known: RecordCodes) -> bool:
    """Whether a result may state the side of a lesion, or name a lesion if the report has no conclusion (D62)."""
    is_ours = bool(known.keys(record, record.code, "report"))
    return is_ours or any(codes.keys(concept, "lesion") for concept in record.conclusionCode or ())


def _results(records: Records, codes: Codes, patient_id: str) -> Iterator[tuple[str, str]]:
    known = RecordCodes(codes, [])
    for record in records.get("reports", ()):
        if (
            isinstance(record, DiagnosticReport)
            and record.result
            and _may_name_a_lesion(record, codes, known)
            and whose(record, patient_id) is Whose.OURS
        ):
            for result in RESULTS.read(record.result, record, []) or ():
                if result.reference and not result.reference.startswith("#"):
                    yield "reports", result.reference
