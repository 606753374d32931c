"""Electrodiagnosis: planned three weeks after the onset, never a reason to wait with imaging."""

from __future__ import annotations

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, rule, suppressed
from cards.language.escaping import sentence
from cards.record import Chart, Evidence

EMG = "order.emg-ncs"
EMG_REPORT = "report.emg-ncs"


@rule(
    "emg-ncs",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[
        findings.peripheral_pattern,
        findings.l5_pattern,
        findings.lesions,
        findings.side_mismatch,
        findings.imaging_done,
        findings.post_operative_stable,
        findings.red_flags,
        EMG,
        EMG_REPORT,
    ],
    strength="conditional",
    quality="low: reviews and teaching texts on the timing of denervation",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.emg-ncs"],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "patient-declined"],
)
def emg_ncs(chart: Chart) -> Verdict:
    """Plan nerve conduction and EMG for about three weeks after the onset, and never wait for it to scan."""
    drop = findings.foot_drop(chart)
    done = next((each for each in chart.reports(EMG_REPORT) if findings.in_episode(chart, drop, each.when)), None)
    if done is not None:
        return suppressed(f"electrodiagnosis was reported on {done.when}", Evidence.of(done))
    if orders := findings.consults_in_episode(chart, [EMG]):
        return suppressed(f"electrodiagnosis is ordered ({orders[0].when})", Evidence.of(orders[0]))
    if operation := findings.post_operative_stable(chart):
        return suppressed(
            f"decompressed on {operation.when}, on or after the onset, with no loss since", Evidence.of(operation)
        )
    concordant = next((seen for seen in findings.lesions(chart) if findings.matches(seen.lesion, drop)), None)
    if concordant is not None and findings.l5_pattern(chart) and findings.is_recent(chart, drop):
        return suppressed(
            "imaging and examination agree on the root, within six weeks: nothing to add before the decision",
            Evidence.of(concordant.report),
        )
    declined = findings.refusal(chart, findings.red_flags(chart).newest, EMG)
    if declined is not None:
        return suppressed(f"the patient declined electrodiagnosis on {declined.when}", Evidence.of(declined))
    return _card(chart)


def _card(chart: Chart) -> Card:
    pattern, mismatch = findings.peripheral_pattern(chart), findings.side_mismatch(chart)
    when = findings.emg_date(chart)
    if pattern:
        summary = (
            "Exam points to the peroneal nerve: NCS/EMG first (conduction block can show early); spine MRI if L5 "
            "muscles are weak."
        )
    elif mismatch:
        summary = "Lesion on the side opposite to the foot drop: confirm the sides, and plan NCS/EMG to find the nerve."
    else:
        summary = (
            f"Plan NCS/EMG {_timing(chart, when)} to separate L5 root, plexus, sciatic and peroneal"
            f"{'.' if findings.imaging_done(chart) else '; never wait for it to scan.'}"
        )
    drop = findings.foot_drop(chart)
    known = f"{sentence(findings.began(chart, drop))}. "
    ask = known if drop.onset else "The onset is not recorded: ask for it and date the study from it. "
    plan = Plan(key=EMG, note=findings.clinical_note(chart), occurrence=when, reasons=findings.reasons(chart))
    facts = [*pattern, *([mismatch.report] if mismatch else [])]
    return Card(
        indicator=Indicator.WARNING if pattern or mismatch else Indicator.INFO,
        summary=summary,
        detail=f"{ask}Paraspinal denervation shows after 7 to 10 days, "
        "in limb muscles after 2 to 3 weeks or more; conduction block at the fibular head shows early. The degree "
        "of axonal loss grades the outlook.",
        because=findings.once((*(Evidence.of(fact) for fact in facts), *findings.drop_because(chart))),
        changes="An EDX request or report of this episode; a lesion on imaging that matches an L5 pattern.",
        suggestions=(
            Suggestion(
                label=f"EMG and nerve conduction studies, from {when}",
                plans=(plan,),
                is_recommended=bool(facts),
            ),
        ),
    )


def _timing(chart: Chart, when: str) -> str:
    onset = findings.foot_drop(chart).onset
    if onset is None:
        return f"about {when} (3 weeks from today)"
    is_due = chart.age_of(onset) >= findings.DENERVATION
    return "any time now (3 weeks or more after onset)" if is_due else f"about {when} (3 weeks after onset)"
