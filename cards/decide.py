"""The verdicts of all rules on one chart, and which cards give way to which (D52 to D55).

The precedence is written in cards/rules/precedence.toml; this module names no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from msgspec import Struct, structs

from cards.findings.course import EXAM_WINDOW
from cards.findings.foot_drop import foot_drop
from cards.findings.gates import comfort_care, long_settled, off_gate, palliative_care, trauma_path
from cards.findings.mr_safety import mr_safety
from cards.findings.red_flags import PAST_CANCER, past_cancer
from cards.language.escaping import inside
from cards.language.imaging_need import ImagingCard, Need
from cards.language.precedence import Imaging, Precedence
from cards.language.rule import Rule
from cards.language.verdict import (
    Card,
    Indicator,
    Kind,
    Silent,
    Verdict,
    could_not_evaluate,
    not_applicable,
    suppressed,
)
from cards.offers import settled
from cards.record.chart import Chart
from cards.record.prefetch_keys import REQUIRED
from cards.rule_book import RuleBook

_PALLIATIVE = "Palliative care is recorded: decide with goals of care."
_SETTLED = (
    "the foot drop is known for over a year: loss of strength, new radicular pain or a red flag would lift this silence"
)
_NO_SUCH_PROBLEM = not_applicable("the new problem has no bearing on foot drop")
_DIED = not_applicable("the patient has died")
_NO_FOOT_DROP = not_applicable(
    "no foot drop is recorded: no active code, and no dorsiflexion grade of 3 or less in 30 days"
)
_CONTRADICTED = not_applicable(
    "the coded foot drop is contradicted by dorsiflexion of grade 5, and no other is recorded"
)
_FAULTY = could_not_evaluate("a fault in the service kept this rule from being evaluated")
_NEED_UNKNOWN = could_not_evaluate("a fault in the service kept the imaging rules from being evaluated")
_HIDDEN = "the rule runs in shadow here, or is switched off: its cards are not shown"
_DRAFT_UNREAD = "an order that is being written could not be read"

OnFault = Callable[[str, Exception], None]
"""Called with the id of a rule that raised, and the error; unless it raises too, only that rule is not evaluated."""

WhyQuiet = Callable[[str, Card], str]
"""Says in a sentence why the card of a rule, by id, is quiet after an answer (D56); empty when it is not quiet."""


class _NeedUnknownError(Exception):
    """Whether imaging is asked for is unknown, because a rule that decides this raised an error."""


def _raise(_rule: str, error: Exception) -> None:
    raise error


class Shown(Struct, frozen=True):
    """A card to show and its rule."""

    rule: Rule
    card: Card


class Decision(Struct, frozen=True):
    """A verdict for each rule of the hook, and the cards to show in order.

    A card that gave way to another stays in its verdict, which is then suppressed.
    """

    verdicts: dict[str, Verdict]
    shown: tuple[Shown, ...]


def never_quiet(_rule: str, _card: Card) -> str:
    """No card is quiet: for callers that know of no answers."""
    return ""


def decide(
    chart: Chart,
    book: RuleBook,
    on_fault: OnFault = _raise,
    hidden: frozenset[str] = frozenset(),
    quiet: WhyQuiet = never_quiet,
) -> Decision:
    """The decision of the rules for the chart's hook. Without `on_fault`, an error that a rule raises is passed on.

    The `hidden` rules are evaluated but not shown, and no card gives way to one of theirs. There is one exception:
    where MRI is unsafe, the card that asks for MRI stays silent even if the card that would replace it is hidden.

    A `quiet` card is not shown but keeps its place: the other cards are decided as if it were shown.
    """
    verdicts = _Judgement(chart, book, on_fault, hidden).verdicts()
    for id, verdict in verdicts.items():
        if id in hidden and isinstance(verdict, Card):
            verdicts[id] = suppressed(_HIDDEN, card=verdict)
    if Card not in map(type, verdicts.values()):
        return Decision(verdicts, ())
    return _presented(chart, verdicts, book, on_fault, quiet)


class _Judgement:
    """The rules applied to one chart, each once."""

    def __init__(self, chart: Chart, book: RuleBook, on_fault: OnFault, hidden: frozenset[str] = frozenset()) -> None:
        self._chart = chart
        self._hidden = hidden
        self._on_fault = on_fault
        self._faulty: set[str] = set()
        self._book = book
        self._precedence = book.precedence
        self._verdicts: dict[str, Verdict] = {}
        self._imaging = {imaging.rule: imaging for imaging in book.precedence.imaging}
        self._need: Need | None = None

    def verdicts(self) -> dict[str, Verdict]:
        """A verdict for each rule of the hook, in order, before any card gives way to the shown ones."""
        rules = self._book.by_hook.get(self._chart.hook, ())
        if self._chart.has_died:
            return {rule.id: _DIED for rule in rules}
        is_new_problem = self._chart.hook == "problem-list-item-create"
        if is_new_problem and not self._asks_what_an_opened_chart_asks():
            return {rule.id: _NO_SUCH_PROBLEM for rule in rules}
        silence = self._shared_silence() if any(rule.needs_foot_drop for rule in rules) else None
        if silence is None:
            return {rule.id: self._judged(rule.id) for rule in rules}
        verdicts: dict[str, Verdict] = {rule.id: silence for rule in rules}
        if self._chart.has_left_out:
            verdicts = {rule.id: self._of_what_is_readable(rule, silence) for rule in rules}
        for rule in rules:
            if not rule.needs_foot_drop:
                verdicts[rule.id] = self._judged(rule.id)
        return verdicts

    def _asks_what_an_opened_chart_asks(self) -> bool:
        """D53: the new problem bears on foot drop; past cancer only while it counts (D74)."""
        asked = self._chart.added_problems & self._precedence.new_problem.asks
        return bool(asked - {PAST_CANCER}) or (bool(asked) and bool(past_cancer(self._chart)))

    def _shared_silence(self) -> Silent | None:
        """The silence of all rules that need foot drop; None if there is foot drop, which few charts have."""
        try:
            return None if foot_drop(self._chart) else _without_foot_drop(self._chart)
        except Exception:
            return None  # each rule that needs it meets the fault again and reports it itself

    def imaging_need(self, without: frozenset[str] = frozenset()) -> Need:
        """The imaging that the imaging cards ask for now, whatever the hook, as if no report in `without` existed."""
        if without:
            return _Judgement(self._chart.without_reports(without), self._book, self._on_fault).imaging_need()
        if self._need is None:
            self._need = self._look_for_need() if foot_drop(self._chart) else Need()
        if not self._need.cards and not self._faulty.isdisjoint(self._imaging):
            raise _NeedUnknownError
        return self._need

    def _look_for_need(self) -> Need:
        asked = {id: _asking_imaging(self._judged(id)) for id in self._imaging}
        standing = [self._imaging_card(id, card) for id, card in asked.items() if card]
        if standing:
            return Need(tuple(standing))
        for id, imaging in self._imaging.items():
            if imaging.replaced_by and self._is_mri_unsafe and isinstance(card := self._verdict(id), Card):
                return Need((self._imaging_card(id, card, is_replaced=True),))
        silences = (verdict for id in self._imaging if isinstance(verdict := self._judged(id), Silent))
        return Need(in_hand=next((silence.why for silence in silences if silence.kind is Kind.SUPPRESSED), ""))

    def _imaging_card(self, id: str, card: Card, *, is_replaced: bool = False) -> ImagingCard:
        imaging = self._imaging[id]
        return ImagingCard(
            rule=id,
            card=card,
            why=imaging.critical if card.indicator is Indicator.CRITICAL else imaging.warning,
            is_lumbar=imaging.region == "lumbar",
            covers_others=any(id in other.yields_to for other in self._imaging.values()),
            is_replaced=is_replaced,
        )

    @property
    def _is_mri_unsafe(self) -> bool:
        return mr_safety(self._chart).level == "unsafe"

    def _judged(self, id: str) -> Verdict:
        """A rule's verdict after the imaging cards have given way to each other."""
        verdict = self._verdict(id)
        imaging = self._imaging.get(id)
        if imaging is None or isinstance(verdict, Silent):
            return verdict
        try:
            return self._beside_others(imaging, verdict)
        except Exception as error:
            return self._faulted(id, error)

    def _beside_others(self, imaging: Imaging, card: Card) -> Verdict:
        for louder in self._imaging:
            if louder in imaging.yields_to and louder not in self._hidden and _asking_imaging(self._verdict(louder)):
                return suppressed(f"the {louder} card asks for imaging that covers the lumbar spine", card=card)
        if imaging.replaced_by and self._is_mri_unsafe:
            return suppressed(
                f"MRI is unsafe for this patient: the {imaging.replaced_by} card stands in its place", card=card
            )
        return card

    def _verdict(self, id: str) -> Verdict:
        """A rule's verdict after the gates: comfort care, the trauma path and a known cause."""
        verdict = self._verdicts.get(id)
        if verdict is None:
            try:
                verdict = self._evaluate(self._book.rules[id])
            except _NeedUnknownError:
                verdict = _NEED_UNKNOWN
            except Exception as error:
                verdict = self._faulted(id, error)
            self._verdicts[id] = verdict
        return verdict

    def _faulted(self, id: str, error: Exception) -> Verdict:
        """The verdict of a rule that raised."""
        self._on_fault(id, error)
        self._faulty.add(id)
        return _FAULTY

    def _evaluate(self, rule: Rule) -> Verdict:
        chart = self._chart
        if rule.needs_foot_drop and not foot_drop(chart):
            return self._of_what_is_readable(rule, _without_foot_drop(chart))
        verdict: Verdict = rule.advise(chart, self.imaging_need) if rule.asks_imaging_need else rule.advise(chart)
        if isinstance(verdict, Silent):
            verdict = self._of_what_is_readable(rule, verdict) if chart.has_left_out else verdict
            return self._of_what_was_read(rule, verdict) if chart.unseen or chart.has_unread_draft else verdict
        why = self._overruled(rule.id, verdict.exempt_from)
        if why is not None:
            return suppressed(why, card=verdict)
        if palliative_care(chart):
            verdict = structs.replace(verdict, detail=f"{verdict.detail}\n\n{_PALLIATIVE}")
        unseen = chart.unseen and sorted(chart.unseen & self._book.supplies[rule.id])
        if (chart.has_left_out or chart.has_unread_draft) and (left_out := self._left_out(rule)):
            verdict = structs.replace(verdict, left_out=left_out)
        return structs.replace(verdict, unseen=tuple(unseen)) if unseen else verdict

    def _left_out(self, rule: Rule) -> tuple[str, ...]:
        """The unreadable records that the rule would have read, in words."""
        said = dict.fromkeys(map(str, self._chart.left_out(rule.reads)))
        return (*said, f"{_DRAFT_UNREAD[0].upper()}{_DRAFT_UNREAD[1:]}") if self._chart.has_unread_draft else (*said,)

    def _of_what_is_readable(self, rule: Rule, verdict: Silent) -> Silent:
        """The silence, or could-not-evaluate when a problem or an allergy that the rule reads is unreadable (O2)."""
        if not self._chart.has_left_out:
            return verdict
        left_out = [one for one in self._chart.left_out(rule.reads) if one.decides]
        if not left_out or verdict.kind is Kind.COULD_NOT_EVALUATE:
            return verdict
        return structs.replace(verdict, kind=Kind.COULD_NOT_EVALUATE, why=f"{inside(str(left_out[0]))}; {verdict.why}")

    def _of_what_was_read(self, rule: Rule, verdict: Silent) -> Silent:
        """The silence, or could-not-evaluate when a page or draft was not read and may contradict the rest (D58)."""
        lost = sorted(self._chart.unseen & REQUIRED & self._book.supplies[rule.id])
        if verdict.kind is Kind.COULD_NOT_EVALUATE or not (lost or self._chart.has_unread_draft):
            return verdict
        why = f"the {' and '.join(lost)} could be read only in part" if lost else _DRAFT_UNREAD
        if verdict.kind is Kind.SUPPRESSED:
            why = f"{why}; by that part, {verdict.why}"
        return structs.replace(verdict, kind=Kind.COULD_NOT_EVALUATE, why=why)

    def _overruled(self, id: str, exempt: Set[str]) -> str | None:
        """Why a gate silences the card of a rule; None if no gate does or the card is exempt from it."""
        chart, precedence = self._chart, self._precedence
        speaks = precedence.comfort_care.speaks
        if chart.is_ordering:
            speaks = speaks | precedence.comfort_care.speaks_of_orders
        if id not in speaks and comfort_care(chart):
            return "comfort care only is recorded: work-up, surgery and devices are not offered"
        on_path = id in precedence.trauma_path.silences and "trauma_path" not in exempt
        if on_path and (injury := trauma_path(chart)):
            return f"acute injury ({inside(injury.text)}, {injury.when}): the trauma path replaces this card"
        is_gated = id in precedence.known_cause.silences and "known_cause" not in exempt
        if is_gated and (gate := off_gate(chart)):
            return gate[0]
        is_settled = id in precedence.long_settled.silences and "known_cause" not in exempt
        return _SETTLED if is_settled and long_settled(chart) else None


def _asking_imaging(verdict: Verdict) -> Card | None:
    """The verdict if it is a card that asks for imaging, else None."""
    return verdict if isinstance(verdict, Card) and not verdict.is_reminder else None


def _without_foot_drop(chart: Chart) -> Silent:
    """The silence of a rule that needs foot drop; unknown if a weak dorsiflexion grade has no date."""
    undated = [grade for grade in chart.readings("mrc-ankle-dorsiflexion") if grade.when is None and grade.value <= 4]
    if undated:
        return could_not_evaluate("a weak dorsiflexion grade has no date: it lies in no window")
    if words := chart.unreadable("mrc-ankle-dorsiflexion", EXAM_WINDOW):
        return could_not_evaluate(f"a dorsiflexion grade is recorded, but unreadable: {words}?")
    if lost := sorted(chart.unseen & REQUIRED):
        return could_not_evaluate(
            f"the {' and '.join(lost)} could be read only in part, and no foot drop is in that part"
        )
    return _CONTRADICTED if foot_drop(chart).cancelled else _NO_FOOT_DROP


def _presented(
    chart: Chart, verdicts: dict[str, Verdict], book: RuleBook, on_fault: OnFault, quiet: WhyQuiet
) -> Decision:
    """The decision once the hook and a critical card have dropped or lowered cards, at most five (D53, D54).

    Each order is placed on one of the remaining cards (D98). The last step is to ask which of these are quiet (D56).
    """
    precedence = book.precedence
    verdicts = {
        id: _at(chart.hook, id, verdict, precedence) if isinstance(verdict, Card) else verdict
        for id, verdict in verdicts.items()
    }
    verdicts = _without_company(verdicts, precedence.only_alone)
    if any(isinstance(verdict, Card) and verdict.indicator is Indicator.CRITICAL for verdict in verdicts.values()):
        verdicts = _beside_critical(verdicts, precedence)
    cards = [Shown(book.rules[id], card) for id, card in verdicts.items() if isinstance(card, Card)]
    ordered = sorted(cards, key=lambda shown: -shown.card.indicator.rank)  # stable: keeps the order within an indicator
    for fallen in ordered[precedence.most_cards :]:
        verdicts[fallen.rule.id] = suppressed("five louder cards are shown", card=fallen.card)
    loudest = ordered[: precedence.most_cards]
    answered = {one.rule.id: why for one in loudest if (why := quiet(one.rule.id, one.card))}
    for one in _with_orders_settled(chart, loudest, on_fault, answered.keys()):
        id = one.rule.id
        verdicts[id] = suppressed(answered[id], card=one.card) if id in answered else one.card
    shown = (Shown(one.rule, card) for one in loudest if isinstance(card := verdicts[one.rule.id], Card))
    return Decision(verdicts, tuple(shown))


def _with_orders_settled(chart: Chart, shown: list[Shown], on_fault: OnFault, quiet: Set[str]) -> list[Shown]:
    """The cards, with each order complete and on one card only; the cards as they are if that fails."""
    try:
        cards = settled(
            chart, [one.card for one in shown], {place for place, one in enumerate(shown) if one.rule.id in quiet}
        )
    except Exception as error:
        on_fault(shown[0].rule.id, error)
        return shown
    return [Shown(one.rule, card) for one, card in zip(shown, cards, strict=True)]


def _without_company(verdicts: dict[str, Verdict], only_alone: Set[str]) -> dict[str, Verdict]:
    """The verdicts, with cards suppressed that are shown only when no other card is (D73)."""
    cards = {id: card for id, card in verdicts.items() if isinstance(card, Card)}
    if cards.keys() <= only_alone:
        return verdicts
    quiet = {id: card for id, card in cards.items() if id in only_alone}
    return verdicts | {
        id: suppressed("another card is shown, and says this too", card=card) for id, card in quiet.items()
    }


def _at(hook: str, id: str, card: Card, precedence: Precedence) -> Verdict:
    """The verdict on a card at this hook: the card as the hook shows it, or its silence."""
    if hook == "order-sign":
        is_only_critical = id in precedence.at_signing.only_critical
        least = Indicator.CRITICAL if is_only_critical else Indicator.WARNING
        if card.indicator.rank < least.rank:
            return suppressed("at signing only what must not be signed unseen is shown", card=card)
    if hook == "encounter-discharge":
        if id in precedence.at_discharge.no_info and card.indicator is Indicator.INFO:
            return suppressed("at discharge it speaks only when it is a warning", card=card)
        card = structs.replace(card, return_advice=precedence.at_discharge.return_advice)
    return card


def _beside_critical(verdicts: dict[str, Verdict], precedence: Precedence) -> dict[str, Verdict]:
    """The verdicts when one card is critical: cards that can wait are dropped, and the first critical card says so.

    A rule without a place in the order of precedence (a site's own rule) drops no other.
    """
    beside = precedence.critical_card
    cards = {id: card for id, card in verdicts.items() if isinstance(card, Card)}
    waiting = {id for id in cards if id in beside.drops}
    lowered = {id for id in cards if id in beside.keeps_only_alone}
    staying = (cards.keys() - waiting) & set(precedence.order)
    if len(staying) > 2:  # the orthosis, the critical card and another one
        waiting, lowered = waiting | lowered, set()
    changed: dict[str, Verdict] = {
        id: suppressed("a critical card speaks, and this can wait", card=cards[id]) for id in waiting
    }
    for id in lowered:
        text = cards[id].quiet_summary or cards[id].summary
        changed[id] = structs.replace(cards[id], indicator=Indicator.INFO, summary=text)
    if waiting:
        first = next(id for id, card in cards.items() if card.indicator is Indicator.CRITICAL)
        changed[first] = structs.replace(cards[first], detail=f"{cards[first].detail}\n\n{beside.then}".rstrip())
    return verdicts | changed
