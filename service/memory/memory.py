"""The memory: what is kept of an answer, and of what clients report became of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from cards.language.rule import Rule
from cards.language.verdict import Card as Shown
from cards.record.chart import Chart
from service.evaluation import Evaluation as Evaluated
from service.evaluation import Quieting
from service.faults import contain
from service.fhir.address import read_address
from service.memory.answer_rows import AnswerRows, fingerprint
from service.memory.feedback import Entry, Message, meant
from service.memory.noting import Noted, NotedCard, of_drafts, said, told
from service.memory.quiet_time import Asker, QuietTime
from service.memory.rows import Answer, Answered, Feedback, Taken
from service.memory.unknown import Sampling
from service.profiles.profile import STRICT, Profile
from service.store.hashing import Hash
from service.wire.answer import Sent
from service.wire.refusal import ForbiddenRefusedError
from service.wire.request import HookRequest

if TYPE_CHECKING:
    from service.trust.callers import Caller

_NO_TENANTS: frozenset[str] = frozenset()
_OTHERS_CARD = "the card was not shown to this client"
_encode = msgspec.json.Encoder().encode


class Keeping(Protocol):
    """Where rows are kept."""

    @property
    def lost(self) -> int:
        """How many answers could not be kept."""

    def put(self, rows: Callable[[], Answered]) -> None:
        """Keep an answer. Its rows are made at once or later. Never waits."""

    def take(self, events: Sequence[Feedback], tenants: frozenset[str]) -> Taken:
        """Keep feedback; it is kept once this returns. Raises FeedbackAwayRefusedError."""

    def answers(self, patient: str, since: int) -> list[Answer]:
        """What became of the cards of a patient, as far as is known. Never raises."""

    def close(self) -> None:
        """Keep what is still waiting, and end."""


class Memory:
    """Makes rows of answers and feedback, which name nobody, and passes them on to be kept.

    `hashed` is the keyed hash that replaces an identity; `in_own_words` removes what the record says from a sentence.
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
        self._now = now
        self._keeps_answers = keeps_answers
        self._keeps_comments = keeps_comments
        self._tells_log = tells_log
        self._sampling = Sampling()
        self._rows = AnswerRows(hashed, in_own_words, rules).rows

    @property
    def lost(self) -> int:
        """How many answers could not be kept."""
        return self.keeping.lost

    def close(self) -> None:
        """Have everything that is waiting kept, and end."""
        self.keeping.close()

    def names(self, caller: Caller | None, request: HookRequest) -> dict[str, str]:
        """The hashes by which the log names patient and user, the same as in the rows; empty unless a setting asks."""
        if not self._tells_log:
            return {}
        client, tenant = (caller.name, _tenant(caller, request.fhirServer)) if caller else ("", "")
        named = {
            "patient": self._who(client, tenant, "Patient", request.patient_id),
            "user": self._who(client, tenant, "user", request.context.userId),
        }
        return {kind: name for kind, name in named.items() if name}

    def quieting(self, caller: Caller | None, request: HookRequest) -> Quieting | None:
        """Tells which cards are quiet after an answer; None where none can be, or where the patient is ambiguous."""
        if caller is None or not caller.client.quiet_time or not self._keeps_answers:
            return None
        tenant = _tenant(caller, request.fhirServer)
        if not tenant and caller.tenants:
            return None  # the request does not say on which of the client's FHIR servers this patient is
        asker = partial(self._asker, caller.name, tenant, request)
        return partial(QuietTime, asker, self.keeping.answers, self._fingerprint)

    def _asker(self, client: str, tenant: str, request: HookRequest) -> Asker:
        patient = self._who(client, tenant, "Patient", request.patient_id)
        user = partial(self._who, client, tenant, "user", request.context.userId)
        return Asker(patient, user, request.hook)

    def keep(
        self,
        caller: Caller | None,
        request: HookRequest,
        evaluated: Evaluated,
        sent: Iterable[Sent],
        started: float,
        in_shadow: Iterable[Sent] = (),
    ) -> None:
        """Keep an answer that was begun at `started` (time.perf_counter). Whatever goes wrong here, the answer is sent.

        The cards `in_shadow` are not sent.
        """
        if not self._keeps_answers:
            return
        try:
            noted = self._noted(caller, request, evaluated, sent, in_shadow, time.perf_counter() - started)
            self.keeping.put(partial(self._rows, noted))
        except Exception as error:
            contain("", "memory", error)

    def _noted(
        self,
        caller: Caller | None,
        request: HookRequest,
        evaluated: Evaluated,
        sent: Iterable[Sent],
        in_shadow: Iterable[Sent],
        took: float,
    ) -> Noted:
        client, tenant = (caller.name, _tenant(caller, request.fhirServer)) if caller else ("", "")
        chart, records = evaluated.chart, evaluated.gathered.records
        at = int(evaluated.now.timestamp() * 1000)
        return Noted(
            at=at,
            client=client,
            tenant=tenant,
            hook=request.hook,
            patient=request.patient_id,
            encounter=request.context.encounterId,
            asker=request.context.userId,
            milliseconds=took * 1000,
            records=len(records),
            unreadable=chart.noticed.total,
            unseen=chart.unseen,
            said=said(evaluated.decision.verdicts),
            quiet=evaluated.quiet,
            cards=(
                *[NotedCard.of(one, chart, evaluated.modes, shown=True) for one in sent],
                *[NotedCard.of(one, chart, evaluated.modes, shown=False) for one in in_shadow],
            ),
            unknown=self._sampling.rows(records, evaluated.codes, at, client),
        )

    def _who(self, client: str, tenant: str, kind: str, identity: str | None) -> str:
        """The hash of an id, which differs from tenant to tenant; empty without an id."""
        return self._hashed(client, tenant, kind, identity) if identity else ""

    def _fingerprint(self, patient: str, card: Shown, chart: Chart) -> str:
        return fingerprint(self._hashed, patient, told(card.because, of_drafts(card, chart)))

    def take(self, caller: Caller | None, service: str, message: Message) -> dict[str, int | str]:
        """Keep a message of feedback, and return what became of its entries, by name, for the log.

        If some of its entries can be kept, the message is acknowledged, so only the log can say what is wrong with the
        first of the others.

        Raises RefusedError if none of its entries is usable, or if they cannot be kept for now.
        """
        client = caller.name if caller else ""
        tenants = frozenset(tenant.base for tenant in caller.tenants) if caller else _NO_TENANTS
        tenant = next(iter(tenants)) if len(tenants) == 1 else ""
        profile = caller.profile if caller else STRICT
        events = [self._event(client, tenant, profile, service, entry) for entry in message.entries]
        taken = self.keeping.take(events, tenants) if events else Taken()
        if not taken.new and not taken.again:
            if taken.others:
                raise ForbiddenRefusedError(_OTHERS_CARD, "feedback")
            if message.refused:
                raise message.refused[0]
        counts: dict[str, int | str] = {"feedback": taken.new, "again": taken.again, "unknown_cards": taken.unknown}
        if refused := len(message.refused) + taken.others:
            counts["refused_entries"] = refused
            counts["why"] = message.refused[0].message if message.refused else _OTHERS_CARD
        return counts

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


def _tenant(caller: Caller, server: str | None) -> str:
    """The FHIR server for which the caller speaks; empty when it has several and the request names none."""
    if len(caller.tenants) == 1:
        return caller.tenants[0].base
    address = read_address(server) if server else None
    return address.url if address and any(tenant.address == address for tenant in caller.tenants) else ""
