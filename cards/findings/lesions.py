"""What imaging shows, and whether it explains the foot drop (decisions D34, D35, D50, D62 to D64, D86)."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from cards.findings.foot_drop import FootDrop, foot_drop, in_episode
from cards.findings.mr_safety import mr_safety
from cards.findings.studies import CT_REPORTS, MRI_REPORTS, imaging_done, reports_in_episode
from cards.language.escaping import inside
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Lesion, Report
from cards.record.side import FEET, Side
from cards.value_sets.value_set import VALUE_SETS

COMPRESSIONS = ("lesion.cauda-equina-compression", "lesion.cord-compression")
DESTRUCTIVE = "lesion.destructive"  # tumour, infection or fracture
STRUCTURAL = "lesion.structural"  # disc herniation or stenosis without a stated level
ROOTS = ("lesion.root-compression", STRUCTURAL)
SPINAL_TUMOUR = "lesion.spinal-tumour"
CANCER, TRAUMA = "condition.cancer-active", "condition.spinal-trauma-suspected"
COMPRESSION_WINDOW = timedelta(days=90)
FRESH_TRAUMA = timedelta(days=7)  # without trauma this recent, a fracture on a scan is an old fracture (D62)
_EMERGENCIES = (*COMPRESSIONS, DESTRUCTIVE)
_LESIONS = (*ROOTS, *_EMERGENCIES)


class Seen(Struct, frozen=True):
    """A lesion seen on imaging, and the report that names it."""

    lesion: Lesion
    report: Report

    @property
    def is_emergency(self) -> bool:
        """Whether it is compression of the cord or the cauda equina, or destruction of the spine."""
        return self.lesion.key in _EMERGENCIES

    @property
    def name(self) -> str:
        """`root compression`, `cauda equina compression`, `lumbar stenosis`, `fracture`, `infection`."""
        if self.lesion.key == DESTRUCTIVE:
            return _DESTROYED_BY.get(self.lesion.conditions[0] if self.lesion.conditions else "", "infection")
        if self.lesion.key == STRUCTURAL and self.lesion.conditions:
            return inside(VALUE_SETS[self.lesion.conditions[0]].name)
        return self.lesion.key.removeprefix("lesion.").replace("-", " ")


_DESTROYED_BY = {CANCER: "tumour", TRAUMA: "fracture"}
LESION_READS = (*MRI_REPORTS, *CT_REPORTS, *_LESIONS, SPINAL_TUMOUR, "conclusion.normal", TRAUMA)


def named(chart: Chart, report: Report) -> list[Lesion]:
    """D62: the lesions that a report names; tumours only of bone, meninges or cord, fractures only with an injury."""
    of_the_spine = {code for lesion in report.lesions if lesion.key == SPINAL_TUMOUR for code in lesion.codes}
    is_hurt = any(chart.within(trauma.when, FRESH_TRAUMA) for trauma in chart.problems(TRAUMA))

    def counts(lesion: Lesion) -> bool:
        if lesion.key == DESTRUCTIVE and lesion.conditions:
            return is_hurt if TRAUMA in lesion.conditions else not of_the_spine.isdisjoint(lesion.codes)
        return lesion.key in _LESIONS

    return [lesion for lesion in report.lesions if counts(lesion)]


def is_reported_normal(report: Report) -> bool:
    """D63: a conclusion says that nothing abnormal was found; not meant for a report that names a lesion."""
    return "conclusion.normal" in report.conclusions


@finding(foot_drop, *LESION_READS)
def lesions(chart: Chart) -> list[Seen]:
    """D34: lesions in any final report of this episode; a compression also in any report <=90 d old."""
    drop = foot_drop(chart)
    seen = []
    for report in chart.reports(*MRI_REPORTS, *CT_REPORTS):
        episode = in_episode(chart, drop, report.when)
        for lesion in named(chart, report):
            recent = lesion.key in COMPRESSIONS and chart.within(report.when, COMPRESSION_WINDOW)
            if episode or recent:
                seen.append(Seen(lesion, report))
    return seen


def matches(lesion: Lesion, drop: FootDrop) -> bool:
    """D35: known to cause this foot drop; a structural lesion is not, because its level is not stated (D62)."""
    return lesion.key != STRUCTURAL and _is_of_side(lesion, drop)


def _is_of_side(lesion: Lesion, drop: FootDrop) -> bool:
    """Whether it is on a dropped side; an emergency or a central lesion counts for any foot drop."""
    if lesion.key in _EMERGENCIES or lesion.side is Side.BOTH:
        return True
    return lesion.side in drop.sides and lesion.side in FEET


def concordant(chart: Chart) -> Seen | None:
    """A lesion on imaging that matches the foot drop; None if there is none."""
    drop = foot_drop(chart)
    return next((seen for seen in lesions(chart) if matches(seen.lesion, drop)), None)


def explained_in_episode(chart: Chart) -> Seen | None:
    """D64: a matching lesion in a report of this episode; None if there is none."""
    drop = foot_drop(chart)
    seen = (one for one in lesions(chart) if matches(one.lesion, drop))
    return next((one for one in seen if in_episode(chart, drop, one.report.when)), None)


def contradicts(lesion: Lesion, drop: FootDrop) -> bool:
    """D35, D50: a root or structural lesion known to be only on the side without foot drop."""
    is_one_sided = lesion.side in FEET and Side.UNKNOWN not in drop.sides
    return lesion.key in ROOTS and is_one_sided and lesion.side not in drop.sides


@finding(foot_drop, lesions)
def side_mismatch(chart: Chart) -> Seen | None:
    """D50: a root lesion on imaging of this episode, on the other side of a one-sided drop; None if one matches."""
    drop = foot_drop(chart)
    roots = [seen for seen in lesions(chart) if seen.lesion.key in ROOTS]
    if drop.is_bilateral or any(_is_of_side(seen.lesion, drop) for seen in roots):
        return None
    return next((seen for seen in roots if contradicts(seen.lesion, drop)), None)


@finding(foot_drop, side_mismatch)
def sides_in_doubt(chart: Chart) -> bool:
    """D86: data-check warns, or would at discharge: no root is referred until the sides are confirmed."""
    return foot_drop(chart).is_disputed or side_mismatch(chart) is not None


@finding(foot_drop, *LESION_READS, mr_safety)
def unread_reports(chart: Chart) -> list[Report]:
    """D61: spine MRI reports of this episode that name no lesion and are not normal; CT too if MRI may be unsafe."""
    keys = (*MRI_REPORTS, *(CT_REPORTS if mr_safety(chart).is_hazard else ()))
    return [
        report for report in reports_in_episode(chart, keys) if not (named(chart, report) or is_reported_normal(report))
    ]


@finding(foot_drop, lesions, unread_reports, imaging_done)
def unexplaining_scan(chart: Chart) -> Report | None:
    """D64: the imaging done, if it is normal or names only lesions of the other side."""
    drop, done = foot_drop(chart), imaging_done(chart)
    if done is None or unread_reports(chart):
        return None
    return done if all(contradicts(seen.lesion, drop) for seen in lesions(chart)) else None
