"""Foot drop not imaged in this episode: lumbar MRI, as urgent as strength and course demand."""

from __future__ import annotations

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, rule, summary, suppressed
from cards.record import Chart


@rule(
    "lumbar-mri", hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.decline, findings.imaging_done, findings.peripheral_pattern, findings.l5_pattern,
           findings.post_operative_stable, findings.mri_orders, findings.red_flags, findings.lumbar_protocol],
    strength="strong for severe or progressive weakness; conditional otherwise",
    quality="moderate: appropriateness criteria; cohorts for strength and timing",
    reviewed="2026-11-25", version="1.0.0", suggests=[*findings.LUMBAR_MRI, findings.CONSULT],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "patient-declined", "contraindicated",
               "reassess-within-24-hours"],
)  # fmt: skip
def lumbar_mri(chart: Chart) -> Verdict:
    """Foot drop without spine imaging this episode: lumbar MRI, same day when strength is falling."""
    if done := findings.imaging_done(chart):
        return findings.imaged(done)
    if pattern := findings.peripheral_pattern(chart):
        return suppressed(
            "the examination is completely peripheral: inversion and hip abduction "
            f"{findings.FULL_STRENGTH}, no pain, no UMN sign",
            *findings.evidence(*pattern),
        )
    if operation := findings.post_operative_stable(chart):
        return findings.decompressed(operation)
    indicator = _tier(chart)
    for order in findings.mri_orders(chart):
        if indicator is not Indicator.CRITICAL or findings.is_urgent(order):
            return findings.ordered("a spine MRI", order)
    refused = findings.declined(chart, "a spine MRI", *findings.SPINE_MRI)
    return refused if refused and indicator is not Indicator.CRITICAL else _card(chart, indicator)


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
    protocol, priority = findings.lumbar_protocol(chart), indicator.priority
    pains, operations = findings.spinal_pain(chart), chart.procedures(*findings.SURGERY)
    operated = "".join(f" {operation.text} {operation.when or 'without date'}." for operation in operations)
    note, why = findings.clinical_note(chart) + operated, findings.reasons(chart, *pains)
    scan = Suggestion(
        label=f"{priority.capitalize()} lumbar MRI, {protocol.words}",
        plans=(Plan(key=protocol.key, priority=priority, note=note, reasons=why),),
        is_recommended=indicator is not Indicator.INFO,
    )
    call = Plan(key=findings.CONSULT, priority="stat", note=note, reasons=why)
    surgeon = Suggestion(label="Call spinal surgery now", plans=(call,))
    return Card(
        indicator=indicator,
        summary=summary(_summary(chart, indicator, protocol)),
        detail=_detail(chart, indicator),
        return_advice=findings.SAFETY_NET,
        because=findings.evidence(*findings.drop_because(chart), *operations, *pains),
        changes="A spine MRI of this episode or a request for one; inversion and hip abduction "
        f"{findings.FULL_STRENGTH} without pain; a loss of strength makes it a same-day question.",
        suggestions=(scan, surgeon) if indicator is Indicator.CRITICAL else (scan,),
        one_suggestion_only=False,
    )


def _summary(chart: Chart, indicator: Indicator, protocol: findings.Protocol) -> str:
    if indicator is Indicator.CRITICAL:
        return _worsening(chart, protocol)
    drop = findings.foot_drop(chart)
    name = findings.named_drop(drop, starts=True)
    scan = f"lumbar MRI {protocol.words}" if protocol.has_contrast else "non-contrast lumbar MRI"
    can_tell = chart.has_seen(*findings.MRI_REPORTS)
    unimaged = "no spine imaging this episode" if can_tell else "earlier imaging could not be read"
    if indicator is Indicator.WARNING:
        if drop.onset is None:
            name += " of unknown onset"
        elif findings.is_recent(chart, drop):
            name = f"New {findings.named_drop(drop)}"
        return f"{name}, {unimaged}: order urgent {scan}."
    if findings.is_older_than(chart, drop, findings.CHRONIC):
        if can_tell:
            has_older = chart.reports(*findings.MRI_REPORTS)
            unimaged = "not imaged this episode" if has_older else "no imaging on record"
        return f"Long-standing foot drop without recorded decline, {unimaged}: consider elective {scan}."
    if drop.weakest is None:
        ask = "grade the strength" + ("" if drop.onset else " and ask the onset")
        return f"{name}: {ask}; {unimaged}, consider {scan}."
    return f"{name} of MRC {drop.weakest}, {unimaged}: consider {scan}."


def _worsening(chart: Chart, protocol: findings.Protocol) -> str:
    lost = findings.decline(chart)
    loss = lost if isinstance(lost, findings.Loss) else None
    if findings.recent_surgery(chart):
        change = f"MRC {int(loss.before.value)} to {int(loss.after.value)}" if loss else "charted as rapid"
        scan = "MRI with and without contrast" if protocol.has_contrast else "MRI without contrast"
        return f"New weakness after spinal surgery ({change}): same-day {scan}; call the operating surgeon."
    change = f"({findings.lost_words(chart, loss)})" if loss else "fast, as charted"
    return f"Foot drop worsening {change}: same-day lumbar MRI and call spinal surgery in parallel."


def _detail(chart: Chart, indicator: Indicator) -> str:
    drop = findings.foot_drop(chart)
    parts = [findings.flags_for_reader(chart)]
    if drop.weakest is None:
        parts.append(f"Strength is not recorded: grade dorsiflexion 0 to {findings.FULL_STRENGTH}, and state the side.")
    if drop.onset is None:
        parts.append("The onset is not recorded: it is treated as recent.")
    parts.append("L4/5 is the usual level. If the lumbar MRI does not explain the foot drop, extend to cord and brain.")
    if indicator is Indicator.INFO:
        parts.append("Evidence: MRI is agreed for severe or progressive deficit; for mild stable weakness it is not.")
    if chart.problems("condition.pregnancy"):
        parts.append("Pregnancy: MRI without gadolinium is not withheld; think of obstetric plexopathy as well.")
    return "\n\n".join(parts)
