"""Prefetch: what is known of each key once the request has come, and what it lacks read from its FHIR server."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from urllib.parse import quote

from msgspec import Struct, field

from cards.record.codes import Codes
from cards.record.decoding import Defect
from cards.record.records import Bundle, Patient, Resource
from service.fhir.client import Fetched, FhirReader, next_link
from service.fhir.references import MOST, Lacking, lacking
from service.fhir.searchset import Contents, contents, only, plain
from service.fhir.templates import READS, SEARCHES, Kinds, kind_of, queries_of
from service.wire.request import HookRequest

REQUIRED = ("conditions", "observations")

_OTHER = "something else than was asked"
_MERGED = "the patient's record was replaced by another (Patient.link), whose data is not read"
_NO_SERVER = "there is no FHIR server to read it from"


class RequiredDataError(Exception):
    """Required keys were not supplied and could not be read; the message says why, key by key."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self.keys = tuple(reasons)
        self.why = "; ".join(f"{key}: {why}" for key, why in reasons.items())
        super().__init__(self.why)


class Gathered(Struct):
    """What is on record, and what of it is not known.

    `unseen` are the keys of which something is missing, though `records` may hold a part of it; `notes` say
    why, for an engineer. `defects` are those of what the FHIR server answered.
    """

    records: list[Resource] = field(default_factory=list)
    unseen: frozenset[str] = frozenset()
    defects: list[Defect] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)


def gather(
    request: HookRequest,
    reader: FhirReader | None,
    codes: Codes,
    deadline: float,
    queries: Mapping[str, str] | None = None,
) -> Gathered:
    """What the request supplies, and what it lacks read from its FHIR server until `deadline`.

    `deadline` is a moment of time.monotonic; `queries` are the templates, those of the hook when not given.
    What could not be read in time is unseen. Raises RequiredDataError when conditions or observations can be
    had in no way.
    """
    if queries is None:
        queries, kinds = queries_of(request.hook, codes)
    else:
        kinds = tuple((key, kind_of(query)) for key, query in queries.items())
    complete = _complete(request, kinds)
    if complete is not None and not lacking(complete, codes, _drafted(request)):
        return Gathered(records=list(chain.from_iterable(complete.values())))
    gathering = _Gathering(request, reader, deadline, queries, kinds)
    gathering.take_prefetch()
    gathering.read_missing()
    gathering.demand_required()
    gathering.read_references(codes)
    return gathering.result()


def _complete(request: HookRequest, kinds: Kinds) -> dict[str, Sequence[Resource]] | None:
    """The records by key, when the prefetch holds everything as it was asked, as nearly always; else None."""
    found: dict[str, Sequence[Resource]] = {}
    for key, kind in kinds:
        if key not in request.prefetch:
            return None
        value = request.prefetch[key]
        records = plain(value, kind) if value is not None else ()
        if records is None or (len(records) > 1 and key in READS):
            return None
        found[key] = records
    return None if _is_merged(found.get("patient", ())) else found


def _drafted(request: HookRequest) -> list[str]:
    return request.draft_orders.medications() if request.is_ordering else []


def _is_merged(patients: Iterable[Resource]) -> bool:
    links = (link for each in patients if isinstance(each, Patient) for link in each.link or ())
    return any(link.type == "replaced-by" for link in links)


class _Answer(Struct):
    """What is known of one prefetch key."""

    kind: str
    query: str = ""  # what is still to be asked
    records: Sequence[Resource] = ()
    is_had: bool = False  # a part of it at least, be it that there is nothing
    why: str = ""  # why that is not all
    is_all: bool = False

    def add(self, found: Contents, source: str) -> None:
        self.records = [*self.records, *found.records] if self.records else found.records
        if not found.error:
            self.is_had = self.is_all = True
            return
        self.is_had = self.is_had or bool(found.records)
        self.is_all, self.why = False, f"{source} {found.error}"


class _Gathering:
    def __init__(
        self,
        request: HookRequest,
        reader: FhirReader | None,
        deadline: float,
        queries: Mapping[str, str],
        kinds: Iterable[tuple[str, str]],
    ) -> None:
        self._request = request
        self._deadline = deadline
        self._reader = reader if request.fhirServer else None
        self._queries = queries
        self._answers = {key: _Answer(kind) for key, kind in kinds}
        self._defects: list[Defect] = []
        self._notes: defaultdict[str, list[str]] = defaultdict(list)

    def take_prefetch(self) -> None:
        """What the request supplies; of each key, what is still to be asked."""
        supplied = self._request.prefetch
        for key, answer in self._answers.items():
            if key in supplied:
                self._take(key, answer, supplied[key])
            else:
                answer.query = self._filled(key)

    def _take(self, key: str, answer: _Answer, value: Resource | None) -> None:
        if value is None:
            answer.is_had = answer.is_all = True
            return
        found = self._contents(key, answer, value, key, self._request.defects)
        if found is None:
            answer.why = f"the request holds {_OTHER}"
            answer.query = self._filled(key)
            return
        answer.add(found, "the request holds")
        link = next_link(value)
        if link and answer.is_all:
            answer.is_all = False
            answer.why = "the request holds its first page"
            answer.query = link

    def _contents(self, key: str, answer: _Answer, value: Resource, where: str, known: list[Defect]) -> Contents | None:
        found = contents(value, answer.kind, where, known)
        if found is None:
            return None
        if found.defects:
            self._defects += found.defects
        if key not in READS or not isinstance(value, Bundle):
            return found
        one = only(found.records, answer.kind)
        return None if one is None else Contents(one, found.error)

    def _filled(self, key: str) -> str:
        """The template of a key with the ids of the context; empty when there is no encounter to ask for."""
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
        return self._reader.fetch(self._request.fhirServer or "", token or None, queries, self._deadline)

    def read_missing(self) -> None:
        """What is still to be asked, from the FHIR server."""
        queries = {key: answer.query for key, answer in self._answers.items() if answer.query}
        if queries:
            for key, fetched in self._fetch(queries).items():
                self._merge(key, fetched)

    def _merge(self, key: str, fetched: Fetched) -> None:
        answer = self._answers[key]
        before = f"{answer.why}, and " if answer.why else ""
        answer.is_all = False
        for page in fetched.pages:
            found = self._contents(key, answer, page, f"{key} from the FHIR server", fetched.defects)
            found = found or Contents(error=_OTHER)
            answer.add(found, f"{before}the FHIR server answered with")
            if found.error:
                break
        else:
            answer.is_all = not fetched.why
            answer.why = before + fetched.why
        self._defects += fetched.defects

    def demand_required(self) -> None:
        """Raises RequiredDataError when of a required key nothing at all is known."""
        lost = {key: self._answers[key] for key in REQUIRED if key in self._answers}
        reasons = {key: answer.why for key, answer in lost.items() if not answer.is_had}
        if reasons:
            raise RequiredDataError(reasons)

    def read_references(self, codes: Codes) -> None:
        """The second wave: what the records point at and cannot do without. What fails is a note."""
        records = {key: answer.records for key, answer in self._answers.items()}
        wanted = lacking(records, codes, _drafted(self._request))
        if not wanted:
            return
        urls = [each.url for each in wanted if each.url][:MOST]
        fetched = self._fetch({url: url for url in urls}) if urls else {}
        failed: Counter[tuple[str, str]] = Counter()
        for each in wanted:
            why = self._add_referenced(each, fetched.get(each.url))
            if why:
                failed[each.key, why] += 1
        for (key, why), times in failed.items():
            self._notes[key].append(f"references that could not be read: {times} ({why})")

    def _add_referenced(self, wanted: Lacking, fetched: Fetched | None) -> str:
        """Take in what a reference led to; why it led to nothing."""
        if fetched is None:
            return "they are too many" if wanted.url else "they lead to no resource on the FHIR server"
        self._defects += fetched.defects
        if fetched.why:
            return fetched.why
        found = contents(fetched.pages[0], wanted.kind, wanted.url, fetched.defects)
        if found is None or found.error:
            return f"the FHIR server answered with {found.error if found else _OTHER}"
        answer = self._answers[wanted.key]
        answer.records = [*answer.records, *found.records]
        return ""

    def result(self) -> Gathered:
        """Everything that is known now."""
        if "patient" in self._answers and _is_merged(self._answers["patient"].records):
            for key in self._answers.keys() & SEARCHES.keys():
                self._answers[key].is_all, self._answers[key].why = False, _MERGED
        unseen = {key: answer for key, answer in self._answers.items() if not answer.is_all}
        for key, answer in unseen.items():
            if answer.why:
                self._notes[key].insert(0, f"only a part is known: {answer.why}" if answer.is_had else answer.why)
        return Gathered(
            records=list(chain.from_iterable([answer.records for answer in self._answers.values()])),
            unseen=frozenset(unseen),
            defects=self._defects,
            notes={key: "; ".join(notes) for key, notes in self._notes.items()},
        )
