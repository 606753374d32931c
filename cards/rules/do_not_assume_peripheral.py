"""A peroneal palsy that is coded but not proven: the L5 root looks like it."""

from __future__ import annotations

from cards.decide import IMAGING_RULES, PRECEDENCE_READS, imaging_need
from cards.findings.foot_drop import foot_drop
from cards.findings.gates import PERONEAL, proven_by_edx
from cards.findings.pain import spinal_pain
from cards.findings.phrases import clinical_note, drop_because, emg_date, once, reasons
from cards.findings.protocol import lumbar_imaging
from cards.findings.signs import L5_MUSCLES, grades_on, peripheral_pattern, weak_l5_muscles
from cards.findings.studies import imaging_done, mri_orders
from cards.language.escaping import inside, listed
from cards.language.finding import reads_of
from cards.language.rule import Card, Indicator, Plan, Suggestion, Verdict, answered, rule, silent, summary
from cards.record.chart import Chart
from cards.record.facts import Evidence, Fact

MUSCLE_NAMES = {"mrc-inversion": "inversion", "mrc-hip-abduction": "hip abduction"}


@rule(
    "do-not-assume-peripheral",
    hooks=["patient-view", "problem-list-item-create"],
    reads=reads_of(
        PRECEDENCE_READS,
        PERONEAL,
        proven_by_edx,
        imaging_done,
        mri_orders,
        spinal_pain,
        weak_l5_muscles,
        peripheral_pattern,
        lumbar_imaging,
    ),
    strength="strong when L5 muscles are weak or the spine hurts; conditional otherwise",
    quality="low: one diagnostic series of 61 patients, reviews",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.mri-lumbar", "order.emg-ncs"],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause"],
    asks=IMAGING_RULES,
)
def do_not_assume_peripheral(chart: Chart) -> Verdict:
    """A coded peroneal palsy is proven by electrodiagnosis, and doubted when L5 muscles are weak or the spine hurts."""
    coded = chart.problem(PERONEAL)
    if coded is None:
        return silent("no peroneal neuropathy is on the problem list")
    if proven := proven_by_edx(chart):
        return answered(f"electrodiagnosis of {proven.when} has proven it", Evidence.of(proven))
    if done := imaging_done(chart):
        return answered(f"the spine was imaged on {done.when}", Evidence.of(done))
    if orders := mri_orders(chart):
        return answered(f"a spine MRI is ordered ({orders[0].when})", Evidence.of(orders[0]))
    louder = imaging_need(chart).cards.keys() & {"cauda-equina-emergency", "neuraxis-mri"}
    if louder:
        return answered(f"the {min(louder)} card already asks for imaging")
    return _card(chart, coded)


def _card(chart: Chart, coded: Fact) -> Card:
    weak, pains = weak_l5_muscles(chart), spinal_pain(chart)
    against = [*dict.fromkeys(MUSCLE_NAMES[grade.code] for grade in weak)]
    words = [*(f"weak {name}" for name in against), *dict.fromkeys(inside(pain.text) for pain in pains)]
    sides = foot_drop(chart).sides
    missing = [MUSCLE_NAMES[muscle] for muscle in L5_MUSCLES if None in grades_on(chart, muscle, sides)]
    ask = f"Not recorded: {listed(missing)}; grade {'these' if len(missing) > 1 else 'it'} first. " if missing else ""
    note, why = clinical_note(chart), reasons(chart, coded)
    key, name = lumbar_imaging(chart)
    scan = Plan(key=key, priority="urgent", note=note, reasons=why)
    study = Plan(key="order.emg-ncs", note=note, occurrence=emg_date(chart), reasons=why)
    if words:
        text = f"Coded peroneal palsy but {listed(words)}: that is not the peroneal nerve; image the lumbar spine."
        choice = Suggestion(label=f"Urgent {name}", plans=(scan,), is_recommended=True)
    else:
        fits = "pattern fits" if peripheral_pattern(chart) else "pattern not complete"
        fits = f"{listed(missing)} not recorded" if missing else fits
        proof = "not yet proven" if chart.has_seen("report.emg-ncs") else "proof could not be read"
        text = f"Peroneal palsy {proof}: {fits}; confirm by NCS/EMG, and image the spine if it fails to recover."
        choice = Suggestion(label=f"EMG and nerve conduction studies, from {emg_date(chart)}", plans=(study,))
    return Card(
        indicator=Indicator.WARNING if words else Indicator.INFO,
        summary=summary(text),
        detail=f"{ask}Hip abductor weakness tells the root from the peroneal nerve (86 % sensitive, 96 % specific when "
        "tibialis anterior is below 3/5, one series). Test inversion with the ankle held at 90 degrees.",
        because=once((Evidence.of(coded), *(Evidence.of(each) for each in (*weak, *pains)), *drop_because(chart))),
        changes="An EDX report of this side, spine imaging or a request for it.",
        suggestions=(choice,),
    )
