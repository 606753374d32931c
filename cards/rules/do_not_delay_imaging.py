"""An order that defers imaging, or asks for it too slowly, while imaging is needed now."""

from __future__ import annotations

from msgspec import Struct

from cards import findings
from cards.language import (
    SOURCES,
    Card,
    Indicator,
    Plan,
    Reprioritise,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
    suppressed,
)  # fmt: skip
from cards.language.escaping import inside, listed
from cards.language.imaging_need import ImagingCard, ImagingNeed, Need
from cards.record import Chart, Draft

DEFERRING = {  # epidural injection has no verified code yet (D45)
    findings.EMG: "EMG", "order.physiotherapy-referral": "physiotherapy", "order.xray-lumbar": "plain X-ray",
    "order.neurology-referral": "neurology referral",
}  # fmt: skip


@rule(
    "do-not-delay-imaging", hooks=["order-select", "order-sign"],
    reads=[*findings.SPINE_MRI, *findings.SPINE_CT, *DEFERRING], strength="strong for severe or progressive weakness",
    quality="moderate: appropriateness criteria; texts on the timing of denervation", asks_imaging_need=True,
    reviewed="2026-11-28", version="2.0.0", suggests=[*findings.SPINE_MRI, "order.ct-lumbar", findings.CONSULT],
    overrides=["already-arranged", "findings-disagree", "patient-declined", "contraindicated"],
)  # fmt: skip
def do_not_delay_imaging(chart: Chart, imaging_need: ImagingNeed) -> Verdict:
    """Keep the order that was chosen, and add the imaging that must not wait for it."""
    deferring, mris = chart.drafted(*DEFERRING), chart.drafted(*findings.SPINE_MRI)
    if not deferring and not mris:
        return not_applicable("no order being written defers imaging or asks for a spine MRI")
    if findings.comfort_care(chart):
        return suppressed("comfort care only is recorded: nothing is said to be missing")
    need = imaging_need()
    urgent = [card for card in need.cards if card.indicator.priority in findings.URGENT]
    if not urgent:
        if need.in_hand:
            return suppressed(f"imaging is in hand: {need.in_hand}")
        return not_applicable("imaging is not urgently needed now")
    met = [(card, _meets(chart, card, need)) for card in urgent]
    unmet = [card for card, draft in met if draft is None]
    if not unmet:
        drafts = [draft for _, draft in met if draft is not None]
        named = f"an urgent {inside(drafts[0].text)} is among the orders being written"
        return suppressed(named, *findings.evidence(*drafts))
    return _card(chart, max(unmet, key=lambda card: card.indicator.rank), deferring, mris)


def _meets(chart: Chart, asking: ImagingCard, need: Need) -> Draft | None:
    """D51, D88: an urgent draft that answers this need; None if there is none.

    Any spine MRI answers a lumbar need, and so does a CT if MRI is unsafe or of unknown safety. Only a whole-spine MRI
    answers a need for the whole spine, unless that need is a warning alongside the cauda equina card.
    """
    beside_emergency = any(card.is_lumbar for card in need.cards) and asking.indicator is Indicator.WARNING
    enough = {*findings.WHOLE_SPINE_MRI}
    if asking.is_lumbar or beside_emergency:
        enough |= {*findings.SPINE_MRI}
    if asking.is_lumbar and findings.mr_safety(chart).is_hazard:
        enough |= {*findings.SPINE_CT}
    answers = (draft for draft in chart.drafts if draft.priority in findings.URGENT and enough & set(draft.keys))
    return next(answers, None)


class Wanted(Struct, frozen=True):
    """The imaging to be added: its plan (None if no code is bound for it), its name and its urgency."""

    plan: Plan | None
    what: str
    priority: str

    @property
    def name(self) -> str:
        """`stat lumbar MRI`."""
        return f"{self.priority} {self.what}"

    @property
    def is_stat(self) -> bool:
        """Whether it is for today, so that the surgeon is called in parallel."""
        return self.priority == "stat"

    @property
    def is_ct(self) -> bool:
        """Whether it is a CT in place of an unsafe MRI."""
        return self.plan is None or self.plan.key in findings.SPINE_CT


def _wanted(chart: Chart, asking: ImagingCard) -> Wanted:
    priority = asking.indicator.priority
    if findings.mr_safety(chart).level == "unsafe":
        plan = asking.order("order.ct-lumbar") if asking.is_lumbar else None  # D67: a lumbar CT does not show the cord
        return Wanted(plan, "CT of the lumbar spine" if plan else "CT of the whole spine", priority)
    plan = asking.order(*(findings.SPINE_MRI if asking.is_lumbar else findings.WHOLE_SPINE_MRI))
    return Wanted(plan, "whole-spine MRI" if plan.key in findings.WHOLE_SPINE_MRI else "lumbar MRI", priority)


def _card(chart: Chart, asking: ImagingCard, deferring: list[Draft], mris: list[Draft]) -> Card:
    wanted, slow = _wanted(chart, asking), [draft for draft in mris if draft.priority not in findings.URGENT]
    early = " An EMG shows denervation only after 2 to 3 weeks: it cannot replace imaging."
    waits = early if any(findings.EMG in draft.keys for draft in deferring) else ""
    suggestions = _suggestions(wanted, slow)
    if wanted.is_stat:
        call = asking.order(findings.CONSULT)
        suggestions.append(Suggestion(label="Call spinal surgery now", plans=(call,)))
    return Card(
        indicator=asking.indicator,
        summary=summary(f"{asking.why}: {_request(wanted, deferring, slow)}"),
        detail=f"The order that was chosen stays.{waits}",
        source=asking.card.source or SOURCES[asking.rule],
        because=findings.evidence(*deferring, *mris, *asking.card.because[:5]),
        suggestions=tuple(suggestions),
        one_suggestion_only=False,
    )


def _must_add(wanted: Wanted, slow: list[Draft]) -> bool:
    """Whether imaging must be added because no slow MRI is the right scan: MRI is unsafe, or only lumbar is ordered."""
    is_whole = any(set(draft.keys) & set(findings.WHOLE_SPINE_MRI) for draft in slow)
    wants_whole = wanted.plan is not None and wanted.plan.key in findings.WHOLE_SPINE_MRI
    return not slow or wanted.is_ct or (wants_whole and not is_whole)


def _request(wanted: Wanted, deferring: list[Draft], slow: list[Draft]) -> str:
    same_day, end = (" (same day)", " and phone spinal surgery.") if wanted.is_stat else ("", ".")
    if not _must_add(wanted, slow):
        return f"make this MRI {wanted.priority}{same_day}{end}"
    names = dict.fromkeys(DEFERRING[key] for draft in deferring for key in draft.keys if key in DEFERRING)
    kept = f"the {listed(list(names))}" if names else "this MRI request"
    return f"keep {kept}, but add {wanted.name} now{end}"


def _suggestions(wanted: Wanted, slow: list[Draft]) -> list[Suggestion]:
    must_add, why = _must_add(wanted, slow), " (MRI is unsafe)" if wanted.is_ct else ""
    if wanted.plan is None:
        return []
    add = Suggestion(label=f"Add {wanted.name}{why}", plans=(wanted.plan,), is_recommended=True)
    if wanted.is_ct:
        return [add]
    plans = [Reprioritise(draft=draft, priority=wanted.priority) for draft in slow]
    faster = [
        Suggestion(label=f"Make it {plan.priority}: {plan.draft.text}", plans=(plan,), is_recommended=not must_add)
        for plan in plans
    ]
    return [add, *faster] if must_add else faster
