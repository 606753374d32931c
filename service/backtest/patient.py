"""One patient of an export: what the rules would have said about the chart at each moment at which it was opened.

Pure: it reads no file and writes none, so that any engine can call it. The service's own Evaluator evaluates the chart
of a moment, as a hook request whose prefetch holds what the queries of the hook would have found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from time import perf_counter

from msgspec import Struct, field

from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.elements import NOTHING, Link
from cards.record.errors import UnreadableError
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import Bundle, Encounter, Entry, Patient, Resource
from service.backtest.answer import Answer, answer_of
from service.backtest.as_of import (
    Dates,
    Fact,
    KnownBy,
    Point,
    Times,
    as_of,
    dates_of,
    facts,
    is_undone,
    last_updated,
    may_be_newer,
)
from service.backtest.first_orders import FirstOrders
from service.backtest.lines import LineReader
from service.backtest.moments import Asked, Plan, VisitDates, visit_dates_of
from service.backtest.reading import SERVER, ExportReader
from service.backtest.triggers import Triggers, asked_of_nothing
from service.evaluation import Evaluator
from service.wire.refusal import RefusedError
from service.wire.request import Context, HookRequest

WITHOUT_TRIGGER = frozenset({"Patient", "Encounter"})
"""The types that are read of a chart without a trigger: who the patient is, and when the chart was opened."""
TWICE = "records that are in the export twice"
DIFFERING = "records with the same id that differ (the newest counts)"
BEFORE_BIRTH = "records dated before the patient's birth"
UNPROVEN = "records whose status may be newer than the moment, in charts with a trigger"
UNDONE = "records whose status was undone, in charts with a trigger"
NO_MOMENT = "patients without a Patient resource and without an encounter, who are not judged"
LOST = "records left out before they were judged, for patients with more than twice max_records"
_MORE = Bundle(entry=[], link=[Link(relation="next", url="the rest")])
"""The result of a search of which nothing is known except that it is not empty."""
_GENDERS = frozenset({"female", "male", "other", "unknown", None})


class Judged(Struct):
    """What was said at one moment; `refused` says why the service would not have answered at all."""

    asked: Asked
    answer: Answer
    milliseconds: float
    age: int | None = None
    refused: str = ""


class Judgement(Struct):
    """Everything that was said of one patient, and what this adds to the counts of the export."""

    patient: str
    sex: str = ""
    born: str = ""
    judged: list[Judged] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Record(Struct):
    """A record of the patient: its type, its id, its JSON, and whether it may make a rule speak (see Line)."""

    kind: str
    id: str
    raw: bytes
    is_trigger: bool


class Backtest:
    """Judges patients one by one.

    `evaluator` makes an Evaluator from a clock and a reader. `absent` are the resource types that the export does not
    hold at all.
    """

    def __init__(
        self,
        evaluator: Callable[[Callable[[], datetime], ExportReader], Evaluator],
        plan: Plan,
        known_by: KnownBy,
        absent: frozenset[str],
        max_records: int,
    ) -> None:
        self._now = datetime.now(UTC)
        self._reader = ExportReader(absent)
        self._evaluator = evaluator(lambda: self._now, self._reader)
        self._zone = self._evaluator.now().tzinfo or UTC
        self._plan = plan
        self._known_by = known_by
        self._times = Times(self._zone, known_by, Counter())  # what is odd about dates is counted as lines are read
        self._max_records = max_records
        self._keys = self._evaluator.templates.get(plan.hook, {})
        self._absent = absent
        self._lost = frozenset[str]()
        self._plain: dict[tuple[object, ...], Answer] = {}
        self.codes = self._evaluator.codes
        """The codes that the rules know, with those of the settings."""
        known = asked_of_nothing(self._evaluator.book, plan.hook, self.codes)
        self._triggers = Triggers(known, self.codes)

    def line_reader(self, counts: Counter[str]) -> LineReader:
        """A reader of the lines that are judged here; it counts what is odd about their dates."""
        return LineReader(self._keys, self._triggers, Times(self._zone, self._known_by, counts))

    @property
    def types(self) -> frozenset[str]:
        """The resource types that the queries of the hook ask for."""
        return frozenset(PREFETCH_KEYS[key].resource_type for key in self._keys)

    def judge(
        self,
        patient: str,
        records: Iterable[Record],
        medicines: Mapping[str, bytes],
        lost: frozenset[str] = frozenset(),
    ) -> Judgement:
        """What the rules would have said about a patient.

        `medicines` are the Medications that records point at, by id. `lost` are the types of which records were left
        out, because there are more than an engine holds; a part of these types is not seen.
        """
        self._lost = lost
        judgement = Judgement(patient)
        counts, every = judgement.counts, list(records)
        is_large = len(every) > self._max_records
        is_steady = self._triggers.may_skip and not is_large and not any(one.is_trigger for one in every)
        if is_steady:
            every = [one for one in every if one.kind in WITHOUT_TRIGGER]
        chart = _Past(patient, every, self._times, counts)
        self._reader.take(medicines)
        judgement.sex, judgement.born = chart.sex, chart.born
        counts["patients with more than max_records (their newest records count)"] += is_large
        asked = self._asked(chart, counts)
        if asked:
            counts[UNPROVEN] += chart.unproven(asked)
            counts[UNDONE] += chart.undone(asked)
            judgement.judged = self._steadily(chart, asked, counts) if is_steady else self._each(chart, asked, counts)
        return judgement

    def _asked(self, chart: _Past, counts: Counter[str]) -> list[Asked]:
        every = self._plan.moments(chart.visits() if self._plan.is_by_encounter else (), chart.times, counts)
        asked = [one for one in every if chart.is_born(one.at)]
        counts["moments before the patient's birth, left out"] += len(every) - len(asked)
        return asked

    def _each(self, chart: _Past, every: Sequence[Asked], counts: Counter[str]) -> list[Judged]:
        return [self._judge(chart, asked, counts) for asked in every]

    def _steadily(self, chart: _Past, every: Sequence[Asked], counts: Counter[str]) -> list[Judged]:
        """The judgements of a chart without a trigger: one while the patient lives, and another after death."""
        counts["charts without a trigger, decided once"] += 1
        once: dict[bool, Judged] = {}
        judged = []
        for asked in every:
            has_died = chart.has_died(asked.at)
            if has_died not in once:
                once[has_died] = self._judge_plain(chart, asked, counts)
                judged.append(once[has_died])
            else:
                known = once[has_died]
                judged.append(Judged(asked, known.answer, 0.0, chart.age(asked.at), known.refused))
        return judged

    def _judge_plain(self, chart: _Past, asked: Asked, counts: Counter[str]) -> Judged:
        """The judgement of a chart without a trigger; the rules read nothing of most, so these share their answers."""
        place = chart.plain(asked)
        answer = self._plain.get(place) if place else None
        if answer is not None:
            return Judged(asked, answer, 0.0, chart.age(asked.at))
        judged = self._judge(chart, asked, counts)
        if place and not judged.refused and not judged.answer.cards:
            self._plain[place] = judged.answer
        return judged

    def _judge(self, chart: _Past, asked: Asked, counts: Counter[str]) -> Judged:
        began = perf_counter()
        self._now = asked.at
        age = chart.age(asked.at)
        try:
            evaluation = self._evaluator.evaluate(self._request(chart, asked))
        except RefusedError as error:
            counts[f"moments at which the service refuses to answer ({error.status})"] += 1
            return Judged(asked, Answer(), _since(began), age, refused=error.message)
        took = _since(began)
        first = FirstOrders(chart.facts, self._evaluator.codes, chart.times) if evaluation.decision.shown else None
        return Judged(asked, answer_of(evaluation.decision, evaluation.chart, self._evaluator.book, first), took, age)

    def _request(self, chart: _Past, asked: Asked) -> HookRequest:
        """The request that an EHR would have sent, with what its queries would have found."""
        encounter = asked.encounter.id if asked.encounter else None
        prefetch: dict[str, Resource | None] = {}
        by_kind = chart.as_of(Point.at(asked.at))
        for name in self._keys:
            kind = PREFETCH_KEYS[name].resource_type
            if name == "patient":
                patient = by_kind.get(kind)
                if patient:
                    prefetch[name] = patient[0].resource
            elif name == "encounter":
                if asked.encounter is not None:
                    prefetch[name] = asked.encounter
            elif kind in self._absent:
                prefetch[name] = _MORE
            else:
                entries = by_kind.get(kind)
                link = _MORE.link if kind in self._lost else None
                prefetch[name] = Bundle(entry=entries or [], link=link) if entries or link else None
        return HookRequest(
            hook=self._plan.hook,
            hookInstance="backtest",
            context=Context(patientId=chart.patient, encounterId=encounter),
            fhirServer=SERVER,
            prefetch=prefetch,
        )


class _Past:
    """The records of one patient, each with when it became known."""

    def __init__(self, patient: str, records: Iterable[Record], times: Times, counts: Counter[str]) -> None:
        self.patient = patient
        self.times = times
        self._encounters: list[tuple[Encounter, bytes]] = []
        kept: list[tuple[Resource, Dates]] = []
        for resource, raw in _decoded(_once_each(records, counts), counts):
            if isinstance(resource, Encounter):
                self._encounters.append((resource, raw))
            else:
                kept.append((resource, dates_of(raw)))
        self.facts: list[Fact] = facts(kept, times, counts)
        self._people = [one for one in kept if isinstance(one[0], Patient)]
        self._persons = [fact for fact in self.facts if isinstance(fact.record, Patient)]
        self._may_die = any(_has_died(fact.record) for fact in self._persons)
        self._birth = times.read(times.first(self._people[0][1], ("birthDate",))) if self._people else None
        counts["patients without a Patient resource"] += not self._people
        counts["patients"] += 1
        counts[BEFORE_BIRTH] += self._before_birth()

    def visits(self) -> Iterator[tuple[Encounter, VisitDates]]:
        """The encounters, with when and where they were."""
        return ((encounter, visit_dates_of(raw)) for encounter, raw in self._encounters)

    @property
    def sex(self) -> str:
        """The administrative gender; empty when it is not known."""
        person = self._people[0][0] if self._people else None
        return (person.gender or "") if isinstance(person, Patient) else ""

    @property
    def born(self) -> str:
        """The birth date; empty when it is not known."""
        return str(self._birth) if self._birth else ""

    def age(self, at: datetime) -> int | None:
        """Completed years at a moment."""
        return _years(self._birth.day, at.date()) if self._birth else None

    def is_born(self, at: datetime) -> bool:
        """Whether the patient was born by a moment, as far as is known."""
        return self._birth is None or self._birth.day <= at.date()

    def has_died(self, at: datetime) -> bool:
        """Whether the patient was recorded to have died by a moment."""
        return self._may_die and any(islice(map(_has_died, self._persons_at(at)), 1))

    def plain(self, asked: Asked) -> tuple[object, ...] | None:
        """What the judgement of this chart depends on if it has no trigger; None if that is not obvious.

        The rules ask such a chart for neither age, sex nor encounter (see Triggers.may_skip). Anything odd about the
        patient or the encounter may make the service refuse, and is looked at each time.
        """
        persons = list(self._persons_at(asked.at))
        if len(persons) != 1 or _is_odd(persons[0]) or persons[0].link is not None:
            return None
        if _has_died(persons[0]) or not _is_of(asked.encounter, self.patient):
            return None
        return persons[0].gender in _GENDERS, self._birth is None, asked.encounter is None

    def _persons_at(self, at: datetime) -> Iterator[Patient]:
        return (one for one in as_of(self._persons, Point.at(at), self.times) if isinstance(one, Patient))

    def as_of(self, point: Point) -> dict[str, list[Entry]]:
        """The records that were known at a point in time, by type, as a search would list them."""
        by_kind: defaultdict[str, list[Entry]] = defaultdict(list)
        for resource in as_of(self.facts, point, self.times):
            by_kind[resource.resourceType].append(Entry(resource))
        return by_kind

    def unproven(self, asked: Sequence[Asked]) -> int:
        """How many records have a status that may be newer than the first moment, with no date to prove it."""
        point = Point.at(asked[0].at)
        return sum(may_be_newer(fact, point, self.times) for fact in self.facts if fact.is_unproven)

    def undone(self, asked: Sequence[Asked]) -> int:
        """How many records have a status that a date proves to be newer than the first moment."""
        point = Point.at(asked[0].at)
        return sum(is_undone(fact, point, self.times) for fact in self.facts if fact.until)

    def _before_birth(self) -> int:
        born = self.born
        return sum(bool(fact.known) and fact.known < born[: len(fact.known)] for fact in self.facts) if born else 0


def _has_died(record: Resource) -> bool:
    return isinstance(record, Patient) and bool(record.deceasedBoolean or record.deceasedDateTime)


def _is_odd(record: Patient | Encounter) -> bool:
    return record.contained is not None or record.patient is not None or record.modifierExtension is not NOTHING


def _is_of(encounter: Encounter | None, patient: str) -> bool:
    """Whether there is no encounter, or one that is plainly of this patient."""
    if encounter is None:
        return True
    whose = encounter.subject.reference if encounter.subject is not None else None
    return whose == f"Patient/{patient}" and not _is_odd(encounter)


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _since(began: float) -> float:
    return (perf_counter() - began) * 1000


def _once_each(records: Iterable[Record], counts: Counter[str]) -> list[Record]:
    """Each record once: of several with the same id, the one that the server wrote last."""
    by_id: dict[tuple[str, str], Record] = {}
    nameless = []
    for record in records:
        if not record.id:
            nameless.append(record)
            continue
        place = record.kind, record.id
        other = by_id.get(place)
        if other is None:
            by_id[place] = record
        elif other.raw == record.raw:
            counts[TWICE] += 1
        else:
            counts[DIFFERING] += 1
            by_id[place] = max(other, record, key=lambda one: (last_updated(dates_of(one.raw)), one.raw))
    return [*by_id.values(), *nameless]


def _decoded(records: Iterable[Record], counts: Counter[str]) -> Iterator[tuple[Resource, bytes]]:
    for record in records:
        defects: list[Defect] = []
        try:
            resource = read_resource(record.raw, record.kind, defects)
        except UnreadableError:
            resource = None
        if defects:
            counts["elements that cannot be read"] += len(defects)
        if resource is None or resource.resourceType != record.kind:
            counts["records that cannot be read"] += 1
        else:
            yield resource, record.raw
