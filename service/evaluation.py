"""From a hook request to verdicts: the one path that HTTP and the command line share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, tzinfo
from time import monotonic

from msgspec import Struct

from cards.decide import Decision, Shown, WhyQuiet, decide, never_quiet
from cards.language.verdict import Card, Silent, Verdict
from cards.record.chart import Chart
from cards.record.codes import Codes
from cards.record.decoding import read_resource
from cards.record.defects import Defect, Defects
from cards.record.drafts import MOST_DRAFTS, NO_DRAFTS
from cards.record.encounters import places
from cards.record.errors import OtherPatientError, UnreadableError
from cards.record.facts import Draft
from cards.record.moments import Clock
from cards.record.newest import MOST_RECORDS
from cards.record.records import Bundle, Condition, Resource
from cards.rule_book import RuleBook, rule_book
from service.faults import contain
from service.fhir.client import FhirReader
from service.fhir.gather import Gathered, gather
from service.fhir.templates import template, templates
from service.modes.quiet import NOTHING_QUIET, Quiet
from service.signoff.standing import NOBODY, Standings
from service.wire.refusal import OtherPatientRefusedError, RefusedError
from service.wire.request import HookRequest

Quieting = Callable[[Chart, datetime], WhyQuiet]
"""Returns, for a chart and a moment, the function that says which cards are quiet in the answer."""


class Shadow(Struct, frozen=True):
    """What would have been decided if the rules in shadow spoke; `rules` are those rules."""

    decision: Decision
    rules: frozenset[str]

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The cards of these rules that would have been shown."""
        return tuple(one for one in self.decision.shown if one.rule.id in self.rules)


NO_SHADOW = Shadow(Decision({}, ()), frozenset())
"""For answers in which no rule in shadow has anything to say."""


class Evaluation(Struct):
    """What was decided, and the chart on which the decision is based.

    `signed` says who signed each rule. The rules in `quiet` have a card that is quiet after an answer; `modes` are the
    client's.
    """

    decision: Decision
    chart: Chart
    gathered: Gathered
    now: datetime
    codes: Codes
    shadow: Shadow = NO_SHADOW
    signed: Mapping[str, str] = NOBODY
    quiet: Collection[str] = ()
    modes: Quiet = NOTHING_QUIET


class Evaluator:
    """Evaluates requests with one site's codes, FHIR access, time zone, deadline and number of records.

    `clock` returns the time, or is the one moment at which everything happens. Cards link to the
    pages of the rules below `public_url`, if it is known.
    """

    def __init__(
        self,
        codes: Codes,
        reader: FhirReader | None,
        zone: tzinfo,
        deadline: float,
        clock: Callable[[], datetime] | datetime | None = None,
        book: RuleBook | None = None,
        max_records: int = MOST_RECORDS,
        public_url: str = "",
        standings: Standings | None = None,
    ) -> None:
        self.codes = codes
        self.public_url = public_url
        self._reader = reader
        self._zone = zone
        self._deadline = deadline
        self._clock = clock
        self._max_records = max_records
        self.book = book or rule_book()
        self.standings = standings or Standings(self.book.rules, {}, {}, all_speak=True)
        self.templates = {hook: templates(self.book.read_by(hook), codes) for hook in self.book.by_hook}
        """The prefetch templates of each hook, by prefetch key."""

    def evaluate(
        self,
        request: HookRequest,
        deadline: float | None = None,
        max_records: int | None = None,
        reader: FhirReader | None = None,
        modes: Quiet = NOTHING_QUIET,
        quieting: Quieting | None = None,
    ) -> Evaluation:
        """The verdicts of every rule of the hook.

        A client may have its own deadline, number of records and reader, and its own `modes` of the rules. `quieting`
        says which cards are quiet after an answer.

        Raises MissingDataRefusedError if a required prefetch key cannot be obtained, and OtherPatientRefusedError
        if a record belongs to another patient.
        """
        now = self.now()
        try:
            gathered = gather(
                request,
                self._queries(request.hook, modes),
                reader or self._reader,
                self.codes,
                monotonic() + (deadline or self._deadline),
                max_records or self._max_records,
            )
            chart = self._chart(request, gathered, now)
        except OtherPatientError as error:
            raise OtherPatientRefusedError(str(error)) from None
        where = places(gathered.records, request.context.encounterId) if modes.asks_places else frozenset()
        hidden = modes.hidden(request.context.userId or "", where) | self.standings.hidden(now.date())
        quiet = _Noting(quieting(chart, now)) if quieting else None
        decision, shadow = self._decided(chart, hidden, modes.off, quiet or never_quiet)
        quietened = quiet.quietened(decision) if quiet else frozenset()
        signed = self.standings.words(now.date())
        return Evaluation(decision, chart, gathered, now, self.codes, shadow, signed, quietened, modes)

    def _queries(self, hook: str, modes: Quiet) -> Mapping[str, str]:
        """The prefetch templates of a hook; also that of the encounter if a rule has pilots by place."""
        queries = self.templates.get(hook, {})
        return {**queries, "encounter": template("encounter", self.codes)} if modes.asks_places else queries

    def _decided(
        self, chart: Chart, hidden: frozenset[str], off: frozenset[str], quiet: WhyQuiet
    ) -> tuple[Decision, Shadow]:
        """What is shown, and what would be shown if the hidden rules spoke (except those that are switched off)."""
        would_be = decide(chart, self.book, _contain, off, quiet)
        if hidden == off or not any(_card(one) for id, one in would_be.verdicts.items() if id in hidden):
            return would_be, NO_SHADOW
        return decide(chart, self.book, _contain, hidden, quiet), Shadow(would_be, hidden - off)

    def _chart(self, request: HookRequest, gathered: Gathered, now: datetime) -> Chart:
        defects = Defects(request.defects)
        defects += gathered.defects
        drafts = self._drafts(request, gathered, now, defects) if request.draft_orders is not NO_DRAFTS else ()
        added, is_cut = _new_conditions(request, defects)
        return Chart(
            request.patient_id,
            now,
            gathered.records,
            hook=request.hook,
            unseen=gathered.unseen | {"conditions"} if is_cut else gathered.unseen,
            drafts=drafts,
            codes=self.codes,
            defects=defects,
            added=added,
        )

    def _drafts(self, request: HookRequest, gathered: Gathered, now: datetime, defects: Defects) -> tuple[Draft, ...]:
        return request.draft_orders.drafts(
            request.selections if request.hook == "order-select" else None,  # at signing every draft counts
            self.codes,
            Clock(now),
            defects,
            patient_id=request.patient_id,
            records=gathered.records,
        )

    def now(self) -> datetime:
        """The current moment, in the site's time zone."""
        if self._clock is None:
            return datetime.now(UTC).astimezone(self._zone)
        now = self._clock if isinstance(self._clock, datetime) else self._clock()
        return now.astimezone(self._zone)


def _card(verdict: Verdict) -> Card | None:
    """The card of a verdict, whether shown or not; None if it has none."""
    return verdict if isinstance(verdict, Card) else verdict.card


class _Noting:
    """Says which cards are quiet after an answer, and notes them by rule."""

    def __init__(self, quiet: WhyQuiet) -> None:
        self._quiet = quiet
        self._noted: dict[str, str] = {}

    def __call__(self, rule: str, card: Card) -> str:
        why = self._quiet(rule, card)
        if why:
            self._noted[rule] = why
        return why

    def quietened(self, decision: Decision) -> frozenset[str]:
        """The rules that are silent in a decision for that reason only."""
        verdicts = decision.verdicts
        return frozenset(
            rule for rule, why in self._noted.items() if isinstance(one := verdicts[rule], Silent) and one.why == why
        )


def _contain(rule: str, error: Exception) -> None:
    contain(rule, "advice", error)


def _new_conditions(request: HookRequest, defects: list[Defect]) -> tuple[list[Resource], bool]:
    """The Conditions being added to the problem list, which join the record; and whether there were too many."""
    if request.hook != "problem-list-item-create":
        return [], False
    try:
        resource = read_resource(request.context.conditions, "context.conditions", defects)
    except UnreadableError as error:
        raise RefusedError(f"context.conditions cannot be read: {error}", "context.conditions") from None
    entries = (resource.entry or []) if isinstance(resource, Bundle) else []
    is_cut = len(entries) > MOST_DRAFTS
    if is_cut:
        why = f"only the first {MOST_DRAFTS} are read"
        defects.append(Defect("context.conditions", "entry", why, dropped=True))
    inside = [entry.resource for entry in entries[:MOST_DRAFTS]]
    return [record for record in (*inside, resource) if isinstance(record, Condition)], is_cut
