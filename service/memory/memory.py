"""The memory: what is kept of an answer, and of what clients say became of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import Struct

from cards.language.rule import Rule
from cards.language.verdict import Card as Shown
from cards.language.verdict import Silent, outcome
from cards.language.verdict import Verdict as Decided
from cards.record.chart import Chart
from cards.record.words import printable
from service.evaluation import Evaluation as Evaluated
from service.evaluation import Quieting
from service.faults import contain
from service.fhir.address import read_address
from service.hooks import service_id
from service.memory.feedback import Entry, Message, meant
from service.memory.quiet_time import Asker, QuietTime
from service.memory.rows import Answer, Answered, Card, Evaluation, Feedback, Taken, Verdict
from service.memory.unknown import Sampling
from service.profiles.profile import STRICT, Profile
from service.store.hashing import Hash
from service.wire.answer import Sent
from service.wire.refusal import ForbiddenRefusedError
from service.wire.request import HookRequest

if TYPE_CHECKING:
    from service.trust.callers import Caller

_SHORT = 32  # hexadecimal digits of a fingerprint
_MOST_SETS = 1000
_NO_TENANTS: frozenset[str] = frozenset()
_encode = msgspec.json.Encoder().encode


class Keeping(Protocol):
    """Where rows are kept."""

    @property
    def lost(self) -> int:
        """How many answers could not be kept."""

    def put(self, answered: Answered) -> None:
        """Keep what was answered: at once, or later. Never raises, never waits."""

    def take(self, events: Sequence[Feedback], tenants: frozenset[str]) -> Taken:
        """Keep feedback, for good once this returns. Raises FeedbackAwayRefusedError."""

    def answers(self, patient: str, since: int) -> list[Answer]:
        """What became of the cards of a patient, as far as that can be told. Never raises."""

    def close(self) -> None:
        """Keep what still waits, and end."""


class _Fact(Struct, frozen=True):
    """A fact that made a card speak, in our own words."""

    side: str
    text: str


class _Suggestion(Struct, frozen=True, omit_defaults=True):
    """A suggestion of a card, in our own words."""

    uuid: str
    label: str
    recommended: bool = False


class Memory:
    """Makes rows of answers and of feedback, without whom they are about, and has them kept.

    `hashed` is the keyed hash of whoever stands in a row, `in_own_words` takes what the record says out of a sentence.
    """

    def __init__(
        self,
        keeping: Keeping,
        hashed: Hash,
        in_own_words: Callable[[str], str],
        *,
        rules: Mapping[str, Rule],
        now: Callable[[], datetime],
        keeps_answers: bool = True,
        keeps_comments: bool = False,
        tells_log: bool = False,
    ) -> None:
        self.keeping = keeping
        self._hashed = hashed
        self._in_own_words = in_own_words
        self._rules = rules
        self._now = now
        self._keeps_answers = keeps_answers
        self._keeps_comments = keeps_comments
        self._tells_log = tells_log
        self._sampling = Sampling()
        self._stem, self._numbers = token_hex(12), count()  # drawn once: to draw each costs more than to write it
        self._sets: dict[tuple[object, ...], tuple[str, tuple[Verdict, ...]]] = {}

    @property
    def lost(self) -> int:
        """How many answers could not be kept."""
        return self.keeping.lost

    def close(self) -> None:
        """Have kept what waits, and end."""
        self.keeping.close()

    def names(self, caller: Caller | None, request: HookRequest) -> dict[str, str]:
        """The hashes by which the log names patient and user, the same ones as here, if a setting asks for it."""
        if not self._tells_log:
            return {}
        client, tenant = (caller.name, _tenant(caller, request.fhirServer)) if caller else ("", "")
        named = {
            "patient": self._who(client, tenant, "Patient", request.patient_id),
            "user": self._who(client, tenant, "user", request.context.userId),
        }
        return {kind: name for kind, name in named.items() if name}

    def quieting(self, caller: Caller | None, request: HookRequest) -> Quieting | None:
        """What says which cards are quiet after an answer; None where none is, or the patient may be several."""
        if caller is None or not caller.client.quiet_time or not self._keeps_answers:
            return None
        tenant = _tenant(caller, request.fhirServer)
        if not tenant and caller.tenants:
            return None  # of which of its FHIR servers this is the patient is not said
        asker = partial(self._asker, caller.name, tenant, request)
        return partial(QuietTime, asker, self.keeping.answers, self._fingerprint)

    def _asker(self, client: str, tenant: str, request: HookRequest) -> Asker:
        patient = self._who(client, tenant, "Patient", request.patient_id)
        return Asker(patient, self._who(client, tenant, "user", request.context.userId), request.hook)

    def keep(
        self,
        caller: Caller | None,
        request: HookRequest,
        evaluated: Evaluated,
        sent: Iterable[Sent],
        started: float,
        in_shadow: Iterable[Sent] = (),
    ) -> None:
        """Keep an answer that took since `started` by time.perf_counter; whatever goes wrong, the answer is sent.

        The cards `in_shadow` were not.
        """
        if not self._keeps_answers:
            return
        try:
            milliseconds = (time.perf_counter() - started) * 1000
            evaluation, verdicts = self._evaluation(caller, request, evaluated, milliseconds)
            cards = [self._card(card, evaluation, evaluated.chart, shown=True) for card in sent]
            cards += [self._card(card, evaluation, evaluated.chart, shown=False) for card in in_shadow]
            unknown = self._sampling.rows(evaluated.gathered.records, evaluated.codes, evaluation)
            self.keeping.put(Answered(evaluation, verdicts, tuple(cards), unknown))
        except Exception as error:
            contain("", "memory", error)

    def _evaluation(
        self, caller: Caller | None, request: HookRequest, evaluated: Evaluated, took: float
    ) -> tuple[Evaluation, tuple[Verdict, ...]]:
        client, tenant = (caller.name, _tenant(caller, request.fhirServer)) if caller else ("", "")
        name, verdicts = self._verdicts(evaluated)
        at = int(evaluated.now.timestamp() * 1000)
        context = request.context
        evaluation = Evaluation(
            id=f"{self._stem}{next(self._numbers):08x}",
            at=at,
            client=client,
            tenant=tenant,
            service=service_id(request.hook),
            hook=request.hook,
            patient=self._who(client, tenant, "Patient", request.patient_id),
            encounter=self._who(client, tenant, "Encounter", context.encounterId),
            asker=self._who(client, tenant, "user", context.userId),
            milliseconds=round(took, 3),
            records=len(evaluated.gathered.records),
            unreadable=evaluated.chart.noticed.total,
            missing=" ".join(sorted(evaluated.chart.unseen)),
            verdict_set=name,
        )
        return evaluation, verdicts

    def _who(self, client: str, tenant: str, kind: str, identity: str | None) -> str:
        """The hash of an id, which is another at another tenant; of none, none."""
        return self._hashed(client, tenant, kind, identity) if identity else ""

    def _verdicts(self, evaluated: Evaluated) -> tuple[str, tuple[Verdict, ...]]:
        """The set of verdicts, and its name, which is that of all equal ones."""
        verdicts = evaluated.decision.verdicts
        said = _said(verdicts)
        known = self._sets.get(said)
        if known is None:
            plain = [
                (rule, self._rules[rule].version, outcome(verdict), self._reason(rule, verdict, evaluated.quiet))
                for rule, verdict in verdicts.items()
            ]
            name = hashlib.sha256(_encode(plain)).hexdigest()[:_SHORT]
            known = name, tuple(Verdict(name, *one) for one in plain)
            if len(self._sets) >= _MOST_SETS:
                self._sets.clear()
            self._sets[said] = known
        return known

    def _reason(self, rule: str, verdict: Decided, quiet: Collection[str]) -> str:
        """Why a rule is silent; what quietened it is in our own words, and until when stays there."""
        why = verdict.why if isinstance(verdict, Silent) else ""
        return why if rule in quiet else self._in_own_words(why)

    def _fingerprint(self, patient: str, card: Shown, chart: Chart) -> str:
        """The keyed hash of the facts of a card; of a draft that is one of them also what it orders."""
        facts = card.because
        told = [text for fact in facts for text in (fact.reference, fact.date, fact.side, fact.text)]
        if chart.drafts:
            references = {fact.reference for fact in facts}
            drafts = (draft for draft in chart.drafts if printable(draft.reference) in references)
            told += [text for one in drafts for text in (one.text, one.priority or "", str(one.daily_mg or ""))]
        return self._hashed(patient, *told)[:_SHORT]

    def _card(self, sent: Sent, evaluation: Evaluation, chart: Chart, *, shown: bool) -> Card:
        words = self._in_own_words
        facts = sent.card.because
        return Card(
            uuid=sent.uuid,
            evaluation=evaluation.id,
            at=evaluation.at,
            client=evaluation.client,
            tenant=evaluation.tenant,
            rule=sent.rule.id,
            version=sent.rule.version,
            indicator=sent.card.indicator.value,
            fingerprint=self._fingerprint(evaluation.patient, sent.card, chart),
            evidence=_json([_Fact(fact.side, words(fact.text)) for fact in facts]),
            suggestions=_json([_Suggestion(uuid, words(label), best) for uuid, label, best in sent.suggestions]),
            shown=shown,
        )

    def take(self, caller: Caller | None, service: str, message: Message) -> dict[str, int]:
        """Keep a message of feedback: what became of its entries, by name, for the log.

        Raises RefusedError when none of its entries could be taken, and when they cannot be kept for now.
        """
        client = caller.name if caller else ""
        tenants = frozenset(tenant.base for tenant in caller.tenants) if caller else _NO_TENANTS
        tenant = next(iter(tenants)) if len(tenants) == 1 else ""
        profile = caller.profile if caller else STRICT
        events = [self._event(client, tenant, profile, service, entry) for entry in message.entries]
        taken = self.keeping.take(events, tenants) if events else Taken()
        if not taken.new and not taken.again:
            if taken.others:
                raise ForbiddenRefusedError("the card was not shown to this client", "feedback")
            if message.refused:
                raise message.refused[0]
        counts = {"feedback": taken.new, "again": taken.again, "unknown_cards": taken.unknown}
        refused = len(message.refused) + taken.others
        return counts | ({"refused_entries": refused} if refused else {})

    def _event(self, client: str, tenant: str, profile: Profile, service: str, entry: Entry) -> Feedback:
        reason = meant(entry.reason, profile)
        suggestions = " ".join(entry.suggestions)
        happened = entry.stamp if entry.at is None else entry.at
        same = (client, tenant, service, entry.card, entry.outcome, happened, reason, entry.extension, suggestions)
        received = int(self._now().timestamp() * 1000)
        return Feedback(
            id=hashlib.sha256(_encode(same)).hexdigest(),
            at=received if entry.at is None else entry.at,
            received=received,
            client=client,
            tenant=tenant,
            service=service,
            card=entry.card,
            outcome=entry.outcome,
            suggestions=suggestions,
            reason=reason.code,
            system=reason.system,
            display=reason.display,
            extension=entry.extension,
            comment=entry.comment if self._keeps_comments else "",
        )


def _said(verdicts: Mapping[str, Decided]) -> tuple[object, ...]:
    """What the rules said, as a key: in a chart without foot drop they always say the same."""
    silent = [verdict if isinstance(verdict, Silent) else None for verdict in verdicts.values()]
    return tuple(verdicts), tuple([one and one.kind for one in silent]), tuple([one and one.why for one in silent])


def _json(rows: list[_Fact] | list[_Suggestion]) -> str:
    return _encode(rows).decode() if rows else "[]"


def _tenant(caller: Caller, server: str | None) -> str:
    """The FHIR server for which the caller speaks; empty when it has several and the request names none."""
    if len(caller.tenants) == 1:
        return caller.tenants[0].base
    address = read_address(server) if server else None
    return address.url if address and any(tenant.address == address for tenant in caller.tenants) else ""
