"""Prefetch: what the request supplies for each key, and what is missing, read from its FHIR server."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from urllib.parse import quote

from msgspec import Struct, field, structs

from cards.record.codes import Codes
from cards.record.defects import Defects
from cards.record.newest import MOST_RECORDS, newest_records
from cards.record.prefetch_keys import PREFETCH_KEYS, REQUIRED
from cards.record.records import Patient, Resource
from service.computing import aside
from service.fhir.client import Fetched, FhirReader
from service.fhir.references import MOST, Lacking, lacking
from service.fhir.searchset import Contents, contents, is_empty, only
from service.operations.tracing import TRACING
from service.wire.refusal import MissingDataRefusedError
from service.wire.request import HookRequest

_OTHER = "something other than what was requested"
_MERGED = "the patient's record was replaced by another (Patient.link), whose data is not read"
_NO_SERVER = "there is no FHIR server to read it from"
_EXPIRED = "the access token has expired"
_REFUSED = frozenset({401, 403})


class Gathered(Struct):
    """What is on record, and which parts of it are unknown.

    `unseen` are the keys for which something is missing, even if `records` holds a part; `notes` say why, for an
    engineer. `defects` are those in the answers of the FHIR server.
    """

    records: list[Resource] = field(default_factory=list)
    unseen: frozenset[str] = frozenset()
    defects: Defects = field(default_factory=Defects)
    notes: dict[str, str] = field(default_factory=dict)


def gather(
    request: HookRequest,
    templates: Mapping[str, str],
    reader: FhirReader | None,
    codes: Codes,
    deadline: float,
    max_records: int = MOST_RECORDS,
) -> Gathered:
    """What the request supplies, and what it lacks, read from its FHIR server until `deadline`.

    `templates` are the queries of the hook by prefetch key. `deadline` is a moment of time.monotonic. Anything not read
    in time is unseen. If there are more than `max_records`, the newest are taken, and the keys of the others are unseen
    in part. Raises MissingDataRefusedError if conditions or observations cannot be obtained.
    """
    gathering = _Gathering(request, reader, deadline, templates)
    gathering.take_prefetch()
    if gathering.gaps:
        gathering.read_missing()
        gathering.demand_required()
    gathering.leave_out_oldest(max_records)
    gathering.read_references(codes)
    return gathering.result()


def _drafted(request: HookRequest) -> list[str]:
    return request.draft_orders.medications() if request.is_ordering else []


def _is_merged(patients: Iterable[Resource]) -> bool:
    return any(
        link.type == "replaced-by"
        for patient in patients
        if isinstance(patient, Patient) and patient.link
        for link in patient.link
    )


def _is_anyone(patients: Iterable[Resource]) -> bool:
    """Whether there is a Patient without an id among them, who may be any patient."""
    return any(isinstance(patient, Patient) and not patient.id for patient in patients)


class _Gap(Struct):
    """Why nothing, or not everything, is known for a prefetch key."""

    why: str = ""
    query: str = ""  # what is still to be asked
    is_partial: bool = False  # a part is known, even if it is empty
    starts_again: bool = False  # the query also asks for what is known
    matches: int = 0  # in the pages read so far


class _Gathering:
    def __init__(
        self, request: HookRequest, reader: FhirReader | None, deadline: float, queries: Mapping[str, str]
    ) -> None:
        self._request = request
        self._deadline = deadline
        self._started = time.monotonic()
        self._refused: dict[str, None] = {}  # the keys for which the server refused the token
        self._reader = reader if request.fhirServer else None
        self._budget = self._reader.budget() if self._reader else None
        self._queries = queries
        self._records: dict[str, Sequence[Resource]] = dict.fromkeys(queries, ())
        self.gaps: dict[str, _Gap] = {}
        self._defects = Defects()
        self._failed: Mapping[tuple[str, str], int] = {}  # the number of references, by key and reason

    def take_prefetch(self) -> None:
        """Take what the request supplies, and note for each key what is still to be read."""
        supplied = self._request.prefetch
        for key in self._queries:
            if key not in supplied:
                self.gaps[key] = _Gap(query=self._filled(key))
                continue
            value = supplied[key]
            if value is None or is_empty(value):
                continue
            held = self._contents(key, value, key)
            if held is None:
                self.gaps[key] = _Gap(f"the request holds {_OTHER}", self._filled(key))
                continue
            self._records[key] = held.records
            if held.error:
                self.gaps[key] = _Gap(f"the request holds {held.error}", is_partial=bool(held.records))
            elif held.next:
                why = "the request holds its first page"
                self.gaps[key] = _Gap(why, held.next, is_partial=True, matches=held.matches)
            elif held.total is not None and held.total > held.matches:
                why = f"the request holds {held.matches} of {held.total}"
                self.gaps[key] = _Gap(why, self._filled(key), is_partial=bool(held.records), starts_again=True)

    def _contents(self, key: str, value: Resource, where: str) -> Contents | None:
        prefetch = PREFETCH_KEYS[key]
        held = contents(value, prefetch.resource_type, where)
        if held is None:
            return None
        if held.defects:
            self._defects += held.defects
        if not prefetch.read_by:
            return held
        if value.resourceType == "Bundle":
            one = only(held.records, prefetch.resource_type)
            if one is None:
                return None
            if len(one) != len(held.records):
                held = structs.replace(held, records=one)
        return None if key == "patient" and _is_anyone(held.records) else held

    def _filled(self, key: str) -> str:
        """The template of a key with the ids from the context; empty if it needs an encounter and there is none."""
        context = self._request.context
        if key == "encounter" and not context.encounterId:
            return ""
        template = self._queries[key].replace("{{context.patientId}}", quote(context.patientId or "", safe=""))
        return template.replace("{{context.encounterId}}", quote(context.encounterId or "", safe=""))

    def _fetch(self, queries: dict[str, str]) -> dict[str, Fetched]:
        if self._reader is None:
            return {key: Fetched(why=_NO_SERVER) for key in queries}
        authorization = self._request.fhirAuthorization
        token = authorization.access_token if authorization else None
        lifetime = authorization.lifetime if authorization and token else None
        if lifetime is not None and time.monotonic() >= self._started + lifetime:
            return {key: Fetched(why=_EXPIRED) for key in queries}
        server = self._request.fhirServer or ""
        fetch = partial(self._reader.fetch, server, token or None, queries, self._deadline, self._budget)
        return aside(partial(TRACING.reading, fetch))

    def read_missing(self) -> None:
        """Read what is still missing from the FHIR server."""
        queries = {key: gap.query for key, gap in self.gaps.items() if gap.query}
        if queries:
            for key, fetched in self._fetch(queries).items():
                self._merge(key, fetched)

    def _merge(self, key: str, fetched: Fetched) -> None:
        gap = self.gaps[key]
        before = f"{gap.why}, and " if gap.why else ""
        self._defects += fetched.defects
        self._note_refusal(key, fetched)
        total = 0
        for page in fetched.pages:
            held = self._contents(key, page, f"{key} from the FHIR server")
            held = held or Contents(error=_OTHER)
            known = () if gap.starts_again else self._records[key]
            self._records[key] = [*known, *held.records]
            gap.starts_again, gap.matches = False, gap.matches + held.matches
            total = held.total if held.total is not None else total
            if held.error:
                gap.is_partial = gap.is_partial or bool(held.records)
                gap.why = f"{before}the FHIR server answered with {held.error}"
                return
            gap.is_partial = gap.is_partial or bool(held.records) or not total
        if fetched.why:
            gap.why = before + fetched.why
        elif total > gap.matches:
            gap.why = f"{before}the FHIR server gave {gap.matches} of {total}"
        else:
            del self.gaps[key]

    def _note_refusal(self, key: str, fetched: Fetched) -> None:
        if fetched.status in _REFUSED:
            self._refused[key] = None

    def demand_required(self) -> None:
        """Raise MissingDataRefusedError if nothing at all is known for a required key."""
        reasons = {key: gap.why for key, gap in self.gaps.items() if key in REQUIRED and not gap.is_partial}
        if reasons:
            said = "; ".join(f"{key}: {why}" for key, why in reasons.items())
            scope = self._scope() if self._refused.keys() & reasons.keys() else ""
            raise MissingDataRefusedError(said, f"prefetch.{min(reasons)}", aside=scope)

    def _scope(self) -> str:
        """What the token is for, in the client's own words, which are only for explain."""
        authorization = self._request.fhirAuthorization
        if authorization is None or not authorization.access_token:
            return "no access token came with the request"
        return f"scope of the access token: {authorization.scopes or 'none is named'}"

    def leave_out_oldest(self, most: int) -> None:
        """Keep only the newest `most` records; the keys of the others are then known in part."""
        kept, cut = newest_records(self._records, most)
        if not cut:
            return
        self._records = dict(kept)
        for key in cut:
            gap = self.gaps.setdefault(key, _Gap(is_partial=True))
            gap.why = "; ".join(filter(None, (gap.why, f"there are more than {most} records: the oldest are left out")))

    def read_references(self, codes: Codes) -> None:
        """The second wave: read what the records refer to and need. A failure becomes a note."""
        wanted = lacking(self._records, codes, self._request.patient_id, _drafted(self._request))
        if not wanted:
            return
        urls = [reference.url for reference in wanted if reference.url][:MOST]
        fetched = self._fetch({url: url for url in urls}) if urls else {}
        reasons = [(reference.key, self._add_referenced(reference, fetched.get(reference.url))) for reference in wanted]
        self._failed = Counter((key, why) for key, why in reasons if why)

    def _add_referenced(self, wanted: Lacking, fetched: Fetched | None) -> str:
        """Add what a reference led to; returns why it led to nothing."""
        if fetched is None:
            return "they are too many" if wanted.url else "they lead to no resource on the FHIR server"
        self._defects += fetched.defects
        self._note_refusal(wanted.key, fetched)
        if fetched.why:
            return fetched.why
        held = contents(fetched.pages[0], wanted.kind, wanted.url)
        if held is None or held.error:
            return f"the FHIR server answered with {held.error if held else _OTHER}"
        pointed_at = wanted.among(held.records)
        if not pointed_at:
            return f"the FHIR server answered with {_OTHER}"
        self._records[wanted.key] = [*self._records[wanted.key], *pointed_at]
        return ""

    def result(self) -> Gathered:
        """Everything that is known now."""
        if _is_merged(self._records.get("patient", ())):
            for key in self._queries:
                if not PREFETCH_KEYS[key].read_by:
                    self.gaps.setdefault(key, _Gap(is_partial=True)).why = _MERGED
        return Gathered(
            records=list(chain.from_iterable(self._records.values())),
            unseen=frozenset(self.gaps),
            defects=self._defects,
            notes=self._notes() if self.gaps or self._failed else {},  # without any of these, nothing was refused
        )

    def _notes(self) -> dict[str, str]:
        notes: defaultdict[str, list[str]] = defaultdict(list)
        for key, gap in self.gaps.items():
            if gap.why:
                notes[key].append(f"only a part is known: {gap.why}" if gap.is_partial else gap.why)
        for (key, why), times in self._failed.items():
            notes[key].append(f"references that could not be read: {times} ({why})")
        for key in self._refused:
            notes[key].append(self._scope())
        return {key: "; ".join(reasons) for key, reasons in notes.items()}
