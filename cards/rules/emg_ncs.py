"""Electrodiagnosis: planned three weeks after the onset, never a reason to delay imaging."""

from __future__ import annotations

from cards import findings
from cards.language import SOURCES, Card, Indicator, Suggestion, Verdict, rule, suppressed
from cards.language.escaping import sentence
from cards.record import Chart, Evidence


@rule(
    "emg-ncs", hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.peripheral_pattern, findings.l5_pattern, findings.lesions, findings.side_mismatch,
           findings.unexplaining_scan, findings.imaging_done, findings.post_operative_stable, findings.red_flags,
           findings.EMG, findings.EMG_REPORT],
    strength="conditional", quality="low: reviews and teaching texts on the timing of denervation",
    reviewed="2026-11-28", version="2.0.0", suggests=[findings.EMG],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "patient-declined"],
)  # fmt: skip
def emg_ncs(chart: Chart) -> Verdict:
    """Plan nerve conduction and EMG for about three weeks after the onset, and never delay imaging for it."""
    if reports := findings.reports_in_episode(chart, [findings.EMG_REPORT]):
        return suppressed(f"electrodiagnosis was reported on {reports[0].when}", Evidence.of(reports[0]))
    if orders := findings.consults_in_episode(chart, [findings.EMG]):
        return findings.ordered("electrodiagnosis", orders[0])
    if operation := findings.post_operative_stable(chart):
        return findings.decompressed(operation)
    is_recent = findings.is_recent(chart, findings.foot_drop(chart))
    if (seen := findings.concordant(chart)) and findings.l5_pattern(chart) and is_recent:
        return suppressed(
            "imaging and examination agree on the root, within six weeks: nothing to add before the decision",
            Evidence.of(seen.report),
        )
    return findings.declined(chart, "electrodiagnosis", findings.EMG) or _card(chart)


def _card(chart: Chart) -> Card:
    pattern, mismatch = findings.peripheral_pattern(chart), findings.side_mismatch(chart)
    unexplaining = findings.unexplaining_scan(chart)
    drop, when = findings.foot_drop(chart), findings.emg_date(chart)
    if pattern:
        summary = (
            "Exam points to the peroneal nerve: NCS/EMG first (conduction block can show early); spine MRI if L5 "
            "muscles are weak."
        )
    elif mismatch:
        summary = "Lesion on the side opposite to the foot drop: confirm the sides, and plan NCS/EMG to find the nerve."
    elif unexplaining:
        summary = f"The scan does not explain the foot drop: plan NCS/EMG {_timing(chart, when)} to find the nerve."
    else:
        end = "." if findings.imaging_done(chart) else "; never delay imaging for it."
        summary = f"Plan NCS/EMG {_timing(chart, when)} to separate L5 root, plexus, sciatic and peroneal{end}"
    known = f"{sentence(findings.began(chart, drop))}. " if drop.onset else ""
    ask = "" if drop.onset else "The onset: it is not recorded, and the study is dated from it."
    facts = [*pattern, *([mismatch.report] if mismatch else []), *([unexplaining] if unexplaining else [])]
    plan = findings.request(chart, findings.EMG, occurrence=when, side=findings.dropped_side(chart))
    study = Suggestion(label=findings.emg_label(chart), plans=(plan,), is_recommended=bool(facts))
    return Card(
        indicator=Indicator.WARNING if facts else Indicator.INFO,
        summary=summary,
        detail=f"{known}{findings.MIMICS}",
        ask=ask,
        source=SOURCES["emg-ncs.peripheral"] if pattern else None,
        because=findings.because(chart, *facts),
        suggestions=(study,),
    )


def _timing(chart: Chart, when: str) -> str:
    drop = findings.foot_drop(chart)
    onset, weeks = drop.onset, f"{findings.DENERVATION.days // 7} weeks"
    if onset is None:
        return f"about {when} ({weeks} from today)"
    since = "onset" if findings.is_onset_stated(drop) else "it was recorded"
    is_due = chart.age_of(onset) >= findings.DENERVATION
    return f"any time now ({weeks} or more after {since})" if is_due else f"about {when} ({weeks} after {since})"
