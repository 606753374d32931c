"""All rules over one chart: verdicts, and the one place where cards give way to each other (D52 to D55)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct, structs

from cards.findings.foot_drop import foot_drop
from cards.findings.gates import comfort_care, off_gate, trauma_path
from cards.findings.mr_safety import mr_safety
from cards.findings.phrases import SAFETY_NET
from cards.language.escaping import inside
from cards.language.finding import reads_of
from cards.language.rule import RULES, Card, Indicator, Kind, Rule, Silent, Verdict, answered, silent, unknown
from cards.record.chart import Chart, supplied_by

ORDER = (
    "cauda-equina-emergency",
    "spinal-precautions",
    "map-target",
    "spine-surgery-consult",
    "neuraxis-mri",
    "lumbar-mri",
    "mri-contraindication",
    "data-check",
    "prognosis-strength-trend",
    "do-not-delay-imaging",
    "gabapentinoid-safety",
    "duloxetine-safety",
    "nsaid-safety",
    "localisation-exam",
    "do-not-assume-peripheral",
    "pressure-injury-prevention",
    "afo",
    "emg-ncs",
    "pain-regimen",
    "early-mobilisation",
)
MOST_CARDS = 5
_REQUIRED = frozenset({"conditions", "observations"})  # on every hook: unseen, a part of them was read

# The cauda equina card rewords itself for comfort care; an order being written is checked in comfort care too.
_SPEAKS_IN_COMFORT_CARE = frozenset(
    {"cauda-equina-emergency", "gabapentinoid-safety", "duloxetine-safety", "nsaid-safety"}
)
_OFF_ON_TRAUMA_PATH = frozenset({"neuraxis-mri", "lumbar-mri", "emg-ncs", "localisation-exam", "afo"})
_GATED = frozenset({"neuraxis-mri", "lumbar-mri", "emg-ncs", "localisation-exam"})
_DROPPED_BY_CRITICAL = frozenset(
    {"emg-ncs", "pain-regimen", "localisation-exam", "early-mobilisation", "prognosis-strength-trend"}
)
IMAGING_RULES = ("cauda-equina-emergency", "neuraxis-mri", "lumbar-mri")
COMFORT_READS = reads_of(comfort_care)
PRECEDENCE_READS = reads_of(foot_drop, comfort_care, trauma_path, off_gate, mr_safety)

# D53: the problems whose entry on the problem list asks what a chart that is opened asks.
PROBLEMS_THAT_ASK = frozenset(
    f"condition.{name}"
    for name in (
        "foot-drop",
        "cauda-equina-syndrome",
        "saddle-sensory-loss",
        "bladder-dysfunction",
        "bowel-dysfunction",
        "sexual-dysfunction",
        "spasticity",
        "hyperreflexia",
        "spinal-cord-injury",
        "spinal-trauma-suspected",
        "cancer-active",
        "spinal-infection-risk",
    )
)
_NO_SUCH_PROBLEM = silent("the new problem is none that bears on foot drop")
RETURN_ADVICE = (
    "On leaving, tell the patient to return at once for numbness of the saddle, change of bladder, bowel or sexual "
    "function, weakness that grows or reaches the other leg, fever with back pain, or redness under an orthosis that "
    "lasts over 30 minutes."
)

_NO_FOOT_DROP = silent("no foot drop is recorded: no active code, and no dorsiflexion grade of 3 or less in 30 days")


_CONTRADICTED = silent("the coded foot drop is contradicted by dorsiflexion of grade 5, and no other is recorded")


class Need(Struct, frozen=True):
    """The imaging cards that stand at this moment, by rule id; the lumbar card that an unsafe MRI replaces;
    and, when none stands, the sentence that says what has answered the first of them.
    """

    cards: dict[str, Card]
    replaced: Card | None = None
    in_hand: str = ""

    @property
    def indicator(self) -> Indicator | None:
        """The loudest of them; what replaces an unsafe MRI is never below warning."""
        levels = [card.indicator for card in self.cards.values()]
        if self.replaced is not None:
            is_critical = self.replaced.indicator is Indicator.CRITICAL
            levels.append(Indicator.CRITICAL if is_critical else Indicator.WARNING)
        return max(levels, key=lambda level: level.rank, default=None)


def decide(hook: str, chart: Chart) -> dict[str, Verdict]:
    """One verdict for every rule of the hook, in the order of D55. A suppressed card stays in its verdict."""
    rules = _rules_of(hook, len(RULES))
    if hook == "problem-list-item-create" and not chart.added_problems & PROBLEMS_THAT_ASK:
        return {rule.id: _NO_SUCH_PROBLEM for rule in rules}
    if foot_drop(chart):
        return _presented(hook, {rule.id: _judged(chart, rule.id) for rule in rules})
    # Nearly every chart that is opened: one sentence for every rule that needs foot drop.
    verdicts = dict.fromkeys([rule.id for rule in rules], _without_foot_drop(chart))
    for rule in rules:
        if not rule.needs_foot_drop:
            verdicts[rule.id] = _judged(chart, rule.id)
    return _presented(hook, verdicts)


@lru_cache(maxsize=32)
def _rules_of(hook: str, _enrolled: int) -> tuple[Rule, ...]:
    return tuple(RULES[id] for id in _order(len(RULES)) if hook in RULES[id].hooks)


@lru_cache(maxsize=8)
def _order(_enrolled: int) -> tuple[str, ...]:
    """The rules as D55 ranks them; one that it does not name comes after them."""
    return (*(id for id in ORDER if id in RULES), *sorted(RULES.keys() - set(ORDER)))


def shown(verdicts: dict[str, Verdict]) -> list[tuple[Rule, Card]]:
    """The cards to show: critical, warning, info, and within each the order of D55."""
    return [(RULES[id], card) for id, card in _sorted(verdicts)]


def imaging_need(chart: Chart) -> Need:
    """What the cauda equina, neuraxis and lumbar cards ask for now, whatever the hook."""
    if not foot_drop(chart):
        return Need({})
    lumbar = _verdict(chart, "lumbar-mri")
    verdicts = {id: _judged(chart, id) for id in IMAGING_RULES}
    cards = {id: verdict for id, verdict in verdicts.items() if isinstance(verdict, Card)}
    silences = (each.why for each in verdicts.values() if isinstance(each, Silent) and each.kind is Kind.SUPPRESSED)
    replaced = isinstance(lumbar, Card) and mr_safety(chart).level == "unsafe"
    loud = cards.keys() & {"cauda-equina-emergency", "neuraxis-mri"}
    stands_in = lumbar if replaced and isinstance(lumbar, Card) and not loud else None
    return Need(cards, stands_in, "" if cards or stands_in else next(silences, ""))


def _judged(chart: Chart, id: str) -> Verdict:
    """A rule's verdict after the other imaging cards: one imaging card only."""
    verdict = _verdict(chart, id)
    if id != "lumbar-mri" or isinstance(verdict, Silent):
        return verdict
    for louder in ("cauda-equina-emergency", "neuraxis-mri"):
        if isinstance(_verdict(chart, louder), Card):
            return answered(f"the {louder} card asks for imaging that covers the lumbar spine", card=verdict)
    if mr_safety(chart).level == "unsafe":
        return answered(
            "MRI is unsafe for this patient: the mri-contraindication card stands in its place", card=verdict
        )
    return verdict


def _verdict(chart: Chart, id: str) -> Verdict:
    """A rule's verdict after comfort care, the trauma path and the off-gates; computed once a chart."""
    key = id, chart.is_ordering
    found: Verdict | None = chart.memo.get(key)
    if found is None:
        found = chart.memo[key] = _evaluate(chart, RULES[id])
    return found


def _evaluate(chart: Chart, rule: Rule) -> Verdict:
    if rule.needs_foot_drop and not foot_drop(chart):
        return _without_foot_drop(chart)
    verdict = rule.advise(chart)
    if isinstance(verdict, Silent):
        return _of_what_was_read(chart, rule, verdict) if chart.unseen else verdict
    why = _overruled(chart, rule.id)
    if why is not None:
        return answered(why, card=verdict)
    unseen = chart.unseen and sorted(chart.unseen & _supplies(rule.id, len(RULES)))
    return structs.replace(verdict, unseen=tuple(unseen)) if unseen else verdict


@lru_cache(maxsize=64)
def _supplies(id: str, _enrolled: int) -> frozenset[str]:
    """The prefetch keys that a rule's verdict depends on."""
    return frozenset(name for key in RULES[id].reads for name in supplied_by(key))


def _of_what_was_read(chart: Chart, rule: Rule, verdict: Silent) -> Silent:
    """D58, of a page that could not be read: what the records seen lack, or have answered, those unseen may change."""
    lost = sorted(chart.unseen & _REQUIRED & _supplies(rule.id, len(RULES)))
    if not lost or verdict.kind is Kind.COULD_NOT_EVALUATE:
        return verdict
    why = f"the {' and '.join(lost)} could be read only in part"
    if verdict.kind is Kind.SUPPRESSED:
        why = f"{why}; by that part, {verdict.why}"
    return structs.replace(verdict, kind=Kind.COULD_NOT_EVALUATE, why=why)


def _without_foot_drop(chart: Chart) -> Verdict:
    """No foot drop; said to be unknown when a weak dorsiflexion cannot be placed in time."""
    undated = [each for each in chart.readings("mrc-ankle-dorsiflexion") if each.when is None and each.value <= 4]
    if undated:
        return unknown("a weak dorsiflexion grade has no date: it lies in no window")
    if lost := sorted(chart.unseen & _REQUIRED):
        return unknown(f"the {' and '.join(lost)} could be read only in part, and no foot drop is in that part")
    if foot_drop(chart).cancelled:
        return _CONTRADICTED
    return _NO_FOOT_DROP


def _overruled(chart: Chart, id: str) -> str | None:
    is_order_check = id == "mri-contraindication" and chart.is_ordering
    if comfort_care(chart) and id not in _SPEAKS_IN_COMFORT_CARE and not is_order_check:
        return "comfort care only is recorded: work-up, surgery and devices are not offered"
    if id in _OFF_ON_TRAUMA_PATH and (injury := trauma_path(chart)):
        return f"acute injury ({inside(injury.text)}, {injury.when}): the trauma path replaces this card"
    gate = off_gate(chart) if id in _GATED else None
    return gate[0] if gate else None


def _presented(hook: str, verdicts: dict[str, Verdict]) -> dict[str, Verdict]:
    """D53, D54 and the limit of five: what a hook and a critical card drop or lower, what falls away."""
    if Card not in map(type, verdicts.values()):
        return verdicts
    is_critical = any(isinstance(each, Card) and each.indicator is Indicator.CRITICAL for each in verdicts.values())
    if is_critical:
        verdicts = {id: _beside_critical(id, verdict) for id, verdict in verdicts.items()}
    if hook == "order-sign":
        verdicts = {id: _at_signing(id, verdict) for id, verdict in verdicts.items()}
    if hook == "encounter-discharge":
        verdicts = {id: _at_discharge(verdict) for id, verdict in verdicts.items()}
    for id, card in _sorted(verdicts)[MOST_CARDS:]:
        verdicts = {**verdicts, id: answered("five louder cards are shown", card=card)}
    return verdicts


def _at_signing(id: str, verdict: Verdict) -> Verdict:
    """The last moment: only what must not be signed unseen."""
    if not isinstance(verdict, Card):
        return verdict
    must_be_critical = id == "do-not-delay-imaging"
    is_grave = verdict.indicator is not Indicator.INFO
    if verdict.indicator is Indicator.CRITICAL or (is_grave and not must_be_critical):
        return verdict
    return answered("at signing only what must not be signed unseen is shown", card=verdict)


def _at_discharge(verdict: Verdict) -> Verdict:
    if not isinstance(verdict, Card):
        return verdict
    detail = verdict.detail.replace(SAFETY_NET, "").rstrip()
    return structs.replace(verdict, detail=f"{detail}\n\n{RETURN_ADVICE}")


def _beside_critical(id: str, verdict: Verdict) -> Verdict:
    if not isinstance(verdict, Card):
        return verdict
    if id in _DROPPED_BY_CRITICAL:
        return answered("a critical card speaks, and this can wait", card=verdict)
    if id == "afo":
        return structs.replace(verdict, indicator=Indicator.INFO, summary=verdict.quiet_summary or verdict.summary)
    return verdict


def _sorted(verdicts: dict[str, Verdict]) -> list[tuple[str, Card]]:
    cards: Iterable[tuple[str, Card]] = ((id, each) for id, each in verdicts.items() if isinstance(each, Card))
    return sorted(cards, key=lambda each: (-each[1].indicator.rank, _order(len(RULES)).index(each[0])))


def outcome(verdict: Verdict) -> str:
    """`card`, or the kind of silence, as `explain` names it."""
    return "card" if isinstance(verdict, Card) else verdict.kind.value


__all__ = ["ORDER", "Kind", "Need", "decide", "imaging_need", "outcome", "shown"]
