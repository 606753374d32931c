"""Foot drop not imaged in this episode: lumbar MRI, as urgent as strength and course demand."""

from __future__ import annotations

from datetime import timedelta

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, rule, summary, suppressed
from cards.language.escaping import inside, sentence
from cards.record import Chart, Evidence

AFTER_SURGERY = timedelta(days=365)  # a judgement: later weakness is not the operating surgeon's first


@rule(
    "lumbar-mri",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[
        findings.decline,
        findings.imaging_done,
        findings.mri_orders,
        findings.peripheral_pattern,
        findings.l5_pattern,
        findings.spinal_pain,
        findings.new_radicular_pain,
        findings.red_flags,
        findings.post_operative_stable,
        findings.lumbar_protocol,
    ],
    strength="strong for severe or progressive weakness; conditional otherwise",
    quality="moderate: appropriateness criteria; cohorts for strength and timing",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.mri-lumbar", "order.mri-lumbar-contrast", "order.spine-surgery-consult"],
    overrides=[
        "already-arranged",
        "findings-disagree",
        "known-stable-cause",
        "patient-declined",
        "contraindicated",
        "reassess-within-24-hours",
    ],
)
def lumbar_mri(chart: Chart) -> Verdict:
    """Foot drop without spine imaging this episode: lumbar MRI, same day when strength is falling."""
    done = findings.imaging_done(chart)
    if done is not None:
        return suppressed(
            f"the spine was imaged on {done.when} ({inside(done.text)}), with no loss since",
            Evidence.of(done),
        )
    if pattern := findings.peripheral_pattern(chart):
        return suppressed(
            "the examination is completely peripheral: inversion and hip abduction 5, no pain, no UMN sign",
            *(Evidence.of(grade) for grade in pattern),
        )
    if operation := findings.post_operative_stable(chart):
        return suppressed(
            f"decompressed on {operation.when}, on or after the onset, with no loss since", Evidence.of(operation)
        )
    indicator = _tier(chart)
    for order in findings.mri_orders(chart):
        if indicator is not Indicator.CRITICAL or findings.is_urgent(order):
            return suppressed(
                f"a spine MRI is ordered ({order.when}, {order.priority or 'routine'})", Evidence.of(order)
            )
    declined = findings.refusal(chart, findings.red_flags(chart).newest, *findings.SPINE_MRI)
    if declined is not None and indicator is not Indicator.CRITICAL:
        return suppressed(f"the patient declined a spine MRI on {declined.when}", Evidence.of(declined))
    return _card(chart, indicator)


def _tier(chart: Chart) -> Indicator:
    """D33: critical; info when chronic, stable and without new radicular pain; warning; info for all the rest."""
    drop = findings.foot_drop(chart)
    if findings.decline(chart):
        return Indicator.CRITICAL
    if findings.is_older_than(chart, drop, findings.CHRONIC) and not findings.new_radicular_pain(chart):
        return Indicator.INFO
    severe = drop.weakest is not None and drop.weakest <= findings.DROPPED
    recent = drop.onset is not None and chart.within(drop.onset, findings.RECENT)
    spinal = findings.spinal_pain(chart) or findings.l5_pattern(chart)
    return Indicator.WARNING if severe or recent or spinal else Indicator.INFO


def _card(chart: Chart, indicator: Indicator) -> Card:
    priority = indicator.priority
    key, protocol = findings.lumbar_protocol(chart)
    why = findings.reasons(chart, *findings.spinal_pain(chart))
    done = chart.procedures(*findings.SURGERY)
    note = findings.clinical_note(chart) + "".join(f" {each.text} {each.when or 'without date'}." for each in done)
    scan = Suggestion(
        label=f"{priority.capitalize()} lumbar MRI, {protocol}",
        plans=(Plan(key=key, priority=priority, note=note, reasons=why),),
        is_recommended=indicator is not Indicator.INFO,
    )
    call = Plan(key="order.spine-surgery-consult", priority="stat", note=note, reasons=why)
    surgeon = Suggestion(label="Call spinal surgery now", plans=(call,))
    more = (Evidence.of(fact) for fact in (*done, *findings.spinal_pain(chart)))
    return Card(
        indicator=indicator,
        summary=summary(_summary(chart, indicator, protocol)),
        detail=_detail(chart, indicator),
        return_advice=findings.SAFETY_NET,
        because=findings.once((*findings.drop_because(chart), *more)),
        changes="A spine MRI of this episode or a request for one; inversion and hip abduction 5 without pain; "
        "a loss of strength makes it a same-day question.",
        suggestions=(scan, surgeon) if indicator is Indicator.CRITICAL else (scan,),
        one_suggestion_only=False,
    )


def _summary(chart: Chart, indicator: Indicator, protocol: str) -> str:
    drop = findings.foot_drop(chart)
    if indicator is Indicator.CRITICAL:
        return _worsening(chart, protocol)
    plain = "non-contrast lumbar MRI" if protocol == "without contrast" else f"lumbar MRI {protocol}"
    unimaged = (
        "no spine imaging this episode"
        if chart.has_seen(*findings.MRI_REPORTS)
        else "earlier imaging could not be read"
    )
    name = sentence(findings.named_drop(drop))
    if indicator is Indicator.WARNING:
        if drop.onset is None:
            return f"{name} of unknown onset, {unimaged}: order urgent {plain}."
        name = f"New {findings.named_drop(drop)}" if findings.is_recent(chart, drop) else name
        return f"{name}, {unimaged}: order urgent {plain}."
    if findings.is_older_than(chart, drop, findings.CHRONIC):
        never = "no imaging on record" if not chart.reports(*findings.MRI_REPORTS) else "not imaged this episode"
        imaged = never if chart.has_seen(*findings.MRI_REPORTS) else unimaged
        return f"Long-standing foot drop without recorded decline, {imaged}: consider elective {plain}."
    if drop.weakest is None:
        ask = "grade the strength" + ("" if drop.onset else " and ask the onset")
        return f"{name}: {ask}; {unimaged}, consider {plain}."
    return f"{name} of MRC {drop.weakest}, {unimaged}: consider {plain}."


def _worsening(chart: Chart, protocol: str) -> str:
    lost = findings.decline(chart)
    measured = lost if isinstance(lost, findings.Loss) else None
    recent = [
        each
        for each in chart.procedures(*findings.SURGERY)
        if each.when is None or chart.within(each.when, AFTER_SURGERY)
    ]
    if recent:
        change = (
            f"(MRC {int(measured.before.value)} to {int(measured.after.value)})" if measured else "(charted as rapid)"
        )
        scan = "MRI with and without contrast" if protocol != "without contrast" else "MRI without contrast"
        return f"New weakness after spinal surgery {change}: same-day {scan}; call the operating surgeon."
    change = f"({findings.lost_words(chart, measured)})" if measured else "fast, as charted"
    return f"Foot drop worsening {change}: same-day lumbar MRI and call spinal surgery in parallel."


def _detail(chart: Chart, indicator: Indicator) -> str:
    drop = findings.foot_drop(chart)
    parts = [findings.flags_for_reader(chart)]
    if drop.weakest is None:
        parts.append("Strength is not recorded: grade dorsiflexion 0 to 5, and state the side.")
    if drop.onset is None:
        parts.append("The onset is not recorded: it is treated as recent.")
    parts.append("L4/5 is the usual level. If the lumbar MRI does not explain the foot drop, extend to cord and brain.")
    if indicator is Indicator.INFO:
        parts.append("Evidence: MRI is agreed for severe or progressive deficit; for mild stable weakness it is not.")
    if chart.problems("condition.pregnancy"):
        parts.append("Pregnancy: MRI without gadolinium is not withheld; think of obstetric plexopathy as well.")
    return "\n\n".join(parts)
