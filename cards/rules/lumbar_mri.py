"""Foot drop not imaged in this episode: lumbar MRI, as urgent as strength and course demand."""

from __future__ import annotations

from cards import findings
from cards.findings import SameDay
from cards.language import (
    SOURCES,
    Card,
    Indicator,
    Plan,
    Source,
    Suggestion,
    Verdict,
    fits_summary,
    rule,
    summary,
    suppressed,
)
from cards.language.escaping import days, inside, name
from cards.record import Chart, Fact


@rule(
    "lumbar-mri", hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.decline, findings.imaging_done, findings.peripheral_pattern, findings.l5_pattern,
           findings.post_operative_stable, findings.mri_orders, findings.red_flags, findings.lumbar_protocol,
           findings.same_day_ground, findings.path_injuries, findings.stat_mri],
    strength="strong for severe or progressive weakness; conditional otherwise",
    quality="moderate: appropriateness criteria; cohorts for strength and timing",
    reviewed="2026-11-28", version="2.0.0",
    suggests=[*findings.LUMBAR_MRI, *findings.WHOLE_SPINE_MRI, findings.CONSULT],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "patient-declined", "contraindicated",
               "reassess-within-24-hours"],
)  # fmt: skip
def lumbar_mri(chart: Chart) -> Verdict:
    """Foot drop without spine imaging this episode: lumbar MRI, same day when strength is falling."""
    ground = findings.same_day_ground(chart)
    if ground is None and (done := findings.imaging_done(chart)):
        return findings.imaged(done)
    if pattern := findings.peripheral_pattern(chart):
        return suppressed(
            "the examination is completely peripheral: inversion and hip abduction "
            f"{findings.FULL_STRENGTH}, no pain, no UMN sign",
            *findings.evidence(*pattern),
        )
    if ground is None and (operation := findings.post_operative_stable(chart)):
        return findings.decompressed(operation)
    indicator = Indicator.CRITICAL if ground else _tier(chart)
    standing = findings.standing_request(chart, indicator)
    if standing and not (standing.is_late or standing.is_slow):
        return findings.ordered("a spine MRI", standing.order)
    if indicator is not Indicator.CRITICAL and (stat := findings.stat_mri(chart)):
        return findings.ordered("a spine MRI", stat)
    refused = findings.declined(chart, "a spine MRI", *findings.SPINE_MRI, is_void=findings.answers_nothing)
    if refused and indicator is not Indicator.CRITICAL:
        return refused
    return _awaited(chart, indicator, standing) if standing else _card(chart, indicator, ground)


def _tier(chart: Chart) -> Indicator:
    """D33, below critical: info if chronic, stable and without new radicular pain; then warning; else info."""
    drop = findings.foot_drop(chart)
    if findings.decline(chart):  # it ends at grade 4 (D79)
        return Indicator.WARNING
    if findings.is_older_than(chart, drop, findings.CHRONIC) and not findings.new_radicular_pain(chart):
        return Indicator.INFO
    severe = drop.weakest is not None and drop.weakest <= findings.DROPPED
    recent = drop.onset is not None and chart.within(drop.onset, findings.RECENT)
    spinal = findings.spinal_pain(chart) or findings.l5_pattern(chart)
    return Indicator.WARNING if severe or recent or spinal else Indicator.INFO


def _plan(chart: Chart, key: str, priority: str) -> Plan:
    operations = chart.procedures(*findings.SURGERY)
    operated = "".join(f" {operation.text} {operation.when or 'without date'}." for operation in operations)
    note, pains = findings.clinical_note(chart) + operated, findings.spinal_pain(chart)
    return Plan(key=key, priority=priority, note=note, reasons=findings.reasons(chart, *pains))


def _card(chart: Chart, indicator: Indicator, ground: SameDay | None) -> Card:
    protocol, operation = findings.lumbar_protocol(chart), findings.new_after_operation(chart)
    is_fixed = ground is SameDay.SURGERY and operation is not None and findings.FIXATION in operation.keys
    is_whole = is_fixed or ground is SameDay.HAEMATOMA
    key = findings.WHOLE_SPINE_MRI[protocol.has_contrast] if is_whole else protocol.key
    scan = Suggestion(
        label=f"{indicator.priority.capitalize()} {'whole-spine' if is_whole else 'lumbar'} MRI, {protocol.words}",
        plans=(_plan(chart, key, indicator.priority),),
        is_recommended=indicator is not Indicator.INFO,
    )
    calls = (_call(chart, ground),) if indicator is Indicator.CRITICAL else ()
    grounds: list[Fact] = [*chart.procedures(*findings.SURGERY), *findings.spinal_pain(chart)]
    if ground is SameDay.HAEMATOMA:
        grounds = [*findings.suspected_haematoma(chart), *grounds]
    return Card(
        indicator=indicator,
        summary=summary(_same_day(chart, ground) if ground else _summary(chart, indicator, protocol)),
        detail=_detail(chart, indicator),
        ask=_ask(chart),
        return_advice=findings.SAFETY_NET,
        because=findings.evidence(*findings.drop_because(chart), *grounds),
        source=_source(indicator, ground),
        suggestions=(scan, *calls),
        one_suggestion_only=False,
        exempt_from=frozenset({"trauma_path"} if _is_of_the_operation(chart, ground) else ()),
    )


def _is_of_the_operation(chart: Chart, ground: SameDay | None) -> bool:
    """D68: whether it is new after surgery and no injury of the trauma path is later than the operation."""
    operation = findings.new_after_operation(chart)
    if ground is not SameDay.SURGERY or operation is None or operation.when is None:
        return False
    return not any(injury.when and injury.when.is_after(operation.when) for injury in findings.path_injuries(chart))


def _call(chart: Chart, ground: SameDay | None) -> Suggestion:
    """The call; after surgery it is recommended and goes to the operating surgeon (D68)."""
    is_operated = ground is SameDay.SURGERY or bool(findings.recent_surgery(chart))
    label = "Call the operating surgeon now" if is_operated else "Call spinal surgery now"
    plan = _plan(chart, findings.CONSULT, "stat")
    return Suggestion(label=label, plans=(plan,), is_recommended=ground is SameDay.SURGERY)


def _awaited(chart: Chart, indicator: Indicator, standing: findings.Standing) -> Card:
    """D84: chase a request that waits too long, or make a routine one urgent; nothing is ordered."""
    order, is_critical = standing.order, indicator is Indicator.CRITICAL
    if standing.is_slow:
        text = f"Spine MRI is {'drafted' if order.is_draft else 'ordered'} as routine: ask for urgent."
    elif order.is_draft:
        text = f"Spine MRI drafted {order.when}, never signed: sign or delete it."
    else:
        assert order.when is not None
        waited = days(findings.elapsed(chart.clock.moment, order.when))
        text = f"Spine MRI ordered {order.when}, {waited} ago, not reported: chase it."
    return Card(
        indicator=Indicator.CRITICAL if is_critical else Indicator.INFO,
        summary=text,
        detail=findings.flags_for_reader(chart),
        return_advice=findings.SAFETY_NET,
        because=findings.because(chart, order),
        source=SOURCES["lumbar-mri.awaited"],
        suggestions=(_call(chart, None),) if is_critical else (),
        wanted=_plan(chart, findings.lumbar_protocol(chart).key, indicator.priority),
    )


def _summary(chart: Chart, indicator: Indicator, protocol: findings.Protocol) -> str:
    drop = findings.foot_drop(chart)
    title = findings.named_drop(drop, starts=True)
    scan = f"lumbar MRI {protocol.words}" if protocol.has_contrast else "non-contrast lumbar MRI"
    can_tell = chart.has_seen(*findings.MRI_REPORTS)
    unimaged = "no spine imaging this episode" if can_tell else "earlier imaging could not be read"
    if indicator is Indicator.WARNING:
        if drop.onset is None:
            title += " of unknown onset"
        elif not findings.is_onset_stated(drop):
            unstated = f"{title} recorded {drop.onset}, onset not stated, {unimaged}: order urgent {scan}."
            if fits_summary(unstated):
                return unstated
            title += f" recorded {drop.onset}"
        elif findings.is_recent(chart, drop):
            title = f"New {findings.named_drop(drop)}"
        return f"{title}, {unimaged}: order urgent {scan}."
    if findings.is_older_than(chart, drop, findings.CHRONIC):
        if can_tell:
            has_older = chart.reports(*findings.MRI_REPORTS)
            unimaged = "not imaged this episode" if has_older else "no imaging on record"
        return f"Long-standing foot drop without recorded decline, {unimaged}: consider elective {scan}."
    if drop.weakest is None:
        ask = "grade the strength" + ("" if drop.onset else " and ask the onset")
        return f"{title}: {ask}; {unimaged}, consider {scan}."
    return f"{title} of MRC {drop.weakest}, {unimaged}: consider {scan}."


def _same_day(chart: Chart, ground: SameDay) -> str:
    protocol, drop = findings.lumbar_protocol(chart), findings.foot_drop(chart)
    lost = findings.steep_decline(chart) or findings.decline(chart)
    loss = lost if isinstance(lost, findings.Loss) else None
    if ground is SameDay.HAEMATOMA:
        medicine, *pains = findings.suspected_haematoma(chart)
        where = "back" if set(pains) & set(findings.back_pain(chart)) else "leg"
        return (
            f"Sudden foot drop and {where} pain on {inside(name(medicine.text, 30))}: same-day MRI for spinal "
            "haematoma, call spinal surgery."
        )
    if ground is SameDay.SURGERY or findings.recent_surgery(chart):
        change = f"MRC {int(loss.before.value)} to {int(loss.after.value)}" if loss else "charted as rapid"
        is_new = drop.onset is None or findings.is_onset_stated(drop)
        what = "New weakness" if lost else "New foot drop" if is_new else "Foot drop"
        change = change if lost else findings.graded(drop)
        scan = "MRI with and without contrast" if protocol.has_contrast else "MRI without contrast"
        return f"{what} after spinal surgery ({change}): same-day {scan}; call the operating surgeon."
    change = f"({findings.lost_words(chart, loss)})" if loss else "fast, as charted"
    return f"Foot drop worsening {change}: same-day lumbar MRI and call spinal surgery in parallel."


def _detail(chart: Chart, indicator: Indicator) -> str:
    parts = [findings.flags_for_reader(chart)]
    if chart.problems("condition.pregnancy"):
        parts.append("Pregnancy: MRI without gadolinium is not withheld; think of obstetric plexopathy as well.")
    if indicator is not Indicator.CRITICAL:
        parts.append(findings.MIMICS)
    return "\n\n".join(parts)


def _ask(chart: Chart) -> str:
    drop, ask = findings.foot_drop(chart), []
    if drop.weakest is None:
        ask.append("Strength is not recorded: grade dorsiflexion, with its side.")
    if drop.onset is None:
        ask.append("The onset is not recorded: taken as recent.")
    return " ".join(ask)


def _source(indicator: Indicator, ground: SameDay | None) -> Source | None:
    if ground is SameDay.HAEMATOMA:
        return SOURCES["lumbar-mri.haematoma"]
    return SOURCES["lumbar-mri.mild"] if indicator is Indicator.INFO else None
