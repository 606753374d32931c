"""A peroneal palsy that is coded but not proven: an L5 root lesion looks like it."""

from __future__ import annotations

from cards import findings
from cards.language import (
    SOURCES,
    Card,
    ImagingNeed,
    Indicator,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
    suppressed,
)
from cards.language.escaping import inside, listed, sentence
from cards.record import Chart, Evidence, Fact


@rule(
    "do-not-assume-peripheral", hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.PERONEAL, findings.proven_by_edx, findings.imaging_done, findings.mri_orders, findings.spinal_pain,
           findings.weak_l5_muscles, findings.peripheral_pattern, findings.lumbar_imaging],
    strength="strong when L5 muscles are weak or the spine hurts; conditional otherwise",
    quality="low: one diagnostic series of 61 patients, reviews",
    reviewed="2026-11-28", version="2.0.0", suggests=["order.mri-lumbar", findings.EMG],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause"], asks_imaging_need=True,
)  # fmt: skip
def do_not_assume_peripheral(chart: Chart, imaging_need: ImagingNeed) -> Verdict:
    """A coded peroneal palsy is proven by electrodiagnosis, and doubted when L5 muscles are weak or the spine hurts."""
    coded = chart.problem(findings.PERONEAL)
    if coded is None:
        return not_applicable("no peroneal neuropathy is on the problem list")
    if proven := findings.proven_by_edx(chart):
        return suppressed(f"electrodiagnosis of {proven.when} has proven it", Evidence.of(proven))
    if done := findings.imaging_done(chart):
        return findings.imaged(done)
    if orders := findings.mri_orders(chart):
        return findings.ordered("a spine MRI", orders[0])
    if louder := [card.rule for card in imaging_need().cards if card.covers_others]:
        return suppressed(f"the {min(louder)} card already asks for imaging")
    return _card(chart, coded)


MUSCLES = {"mrc-inversion": "inversion", "mrc-hip-abduction": "hip abduction"}


def _card(chart: Chart, coded: Fact) -> Card:
    weak, pains = findings.weak_l5_muscles(chart), findings.spinal_pain(chart)
    muscles = dict.fromkeys(f"weak {MUSCLES[grade.code]}" for grade in weak)
    against = [*muscles, *dict.fromkeys(inside(pain.text) for pain in pains)]
    missing = _missing(chart)
    if against:
        text = f"Coded peroneal palsy but {listed(against)}: that is not the peroneal nerve; image the lumbar spine."
        key, name = findings.lumbar_imaging(chart)
        scan = findings.request(chart, key, coded, priority="urgent")
        choice = Suggestion(label=f"Urgent {name}", plans=(scan,), is_recommended=True)
    else:
        fits = "pattern fits" if findings.peripheral_pattern(chart) else "pattern not complete"
        fits = f"{listed(missing)} not recorded" if missing else fits
        proof = "not yet proven" if chart.has_seen(findings.EMG_REPORT) else "proof could not be read"
        text = f"Peroneal palsy {proof}: {fits}; confirm by NCS/EMG, and image the spine if it fails to recover."
        study = findings.request(
            chart, findings.EMG, coded, occurrence=findings.emg_date(chart), side=findings.dropped_side(chart)
        )
        choice = Suggestion(label=findings.emg_label(chart), plans=(study,))
    return Card(
        indicator=Indicator.WARNING if against else Indicator.INFO,
        summary=summary(text),
        detail="Hip abductor weakness tells the root from the peroneal nerve. Test inversion with the ankle held at "
        "90 degrees.",
        ask=f"{sentence(listed(missing))}: grade {'these' if len(missing) > 1 else 'it'} first." if missing else "",
        source=SOURCES["do-not-assume-peripheral.against"] if against else None,
        because=findings.because(chart, coded, *weak, *pains),
        suggestions=(choice,),
    )


def _missing(chart: Chart) -> list[str]:
    """The L5 muscles that are not graded on every dropped side."""
    sides = findings.foot_drop(chart).sides
    return [name for muscle, name in MUSCLES.items() if None in findings.grades_on(chart, muscle, sides)]
