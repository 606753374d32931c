"""Qualifying foot drop by side, and its onset (clinical.md 2.1; decisions D6 to D10, D15, D78)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from msgspec import Struct

from cards.findings.course import (
    DECOMPRESSION,
    DORSIFLEXION,
    dorsiflexion,
    loss_in_series,
    newest_grade,
)
from cards.findings.pain import BACK_PAIN, RADICULAR_PAIN
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Evidence, Problem, Reading
from cards.record.moments import Moment
from cards.record.side import FEET, Side, opposite, together

ACUTE = timedelta(days=14)  # clinical.md 2.1; "no agreed timescale" (E7), a judgement
RECENT = timedelta(days=42)
CHRONIC = timedelta(days=84)
BEFORE_ONSET = timedelta(days=14)  # a study or consult this long before the onset belongs to the episode
EPISODE_WITHOUT_ONSET = timedelta(days=90)
DROPPED = 3  # NHS Lothian (E7) defines foot drop as dorsiflexion of grade 3 or less
FULL_STRENGTH = 5

_DISC_OR_STENOSIS = ("condition.lumbar-disc-herniation", "condition.lumbar-stenosis")


class FootDrop(Struct, frozen=True, kw_only=True):
    """Foot drop as it stands now.

    `sides` holds LEFT, RIGHT or both, or UNKNOWN alone; it is empty if there is no foot drop. `codes` are the
    Conditions that still count, `cancelled` those contradicted by grade 5, `grades` the newest
    dorsiflexion reading of each side in 30 days, `readings` those of the dropped sides, and `weakest` the
    lowest grade of these. `side` is one word for the sides: left, right, both or unknown. `onset` is unknown
    (None) unless it holds for every side; `known_onset` is the most recent onset that is stated at all. The foot
    drop `is_disputed` if only the other foot is coded and that foot was not examined (D78).
    """

    sides: tuple[Side, ...]
    codes: tuple[Problem, ...]
    cancelled: tuple[tuple[Problem, Reading], ...]
    grades: dict[Side, Reading]
    onset: Moment | None
    known_onset: Moment | None
    has_unknown_side_onset: bool
    side: Side = Side.UNKNOWN
    readings: tuple[Reading, ...] = ()
    weakest: int | None = None
    is_disputed: bool = False

    def __bool__(self) -> bool:
        return bool(self.sides)

    @property
    def is_bilateral(self) -> bool:
        """Whether both feet drop."""
        return len(self.sides) == len(FEET)

    @property
    def is_mild(self) -> bool:
        """Whether grade 4 or better is recorded on every dropped side (a coded foot drop is <=3 until graded)."""
        return len(self.readings) == len(self.sides) and all(reading.value > DROPPED for reading in self.readings)

    @property
    def is_without_strength(self) -> bool:
        """Whether the grade is 0 on every dropped side."""
        return len(self.readings) == len(self.sides) and all(reading.value == 0 for reading in self.readings)


@finding("condition.foot-drop", *DORSIFLEXION, *RADICULAR_PAIN, *BACK_PAIN, *_DISC_OR_STENOSIS, DECOMPRESSION)
def foot_drop(chart: Chart) -> FootDrop:
    """Foot drop per side: an active code not contradicted by grade 5, or the newest grade itself."""
    problems = chart.problems("condition.foot-drop")
    series = dorsiflexion(chart)
    if not problems and not series:
        return _NONE
    grades = {side: grade for side, readings in series.items() if (grade := newest_grade(chart, readings))}
    counting = [problem for problem in problems if not _is_cancelled(problem, grades)]
    if (examined := _examined_instead(counting, grades)) is not None:
        return _disputed(chart, examined, counting, grades)
    sides = tuple(side for side in FEET if _drops(chart, side, counting, grades, series))
    if not sides and _drops(chart, Side.UNKNOWN, counting, grades, series):
        sides = (Side.UNKNOWN,)
    return _onset(chart, sides, counting, problems, grades)


_NONE = FootDrop(
    sides=(), codes=(), cancelled=(), grades={}, onset=None, known_onset=None, has_unknown_side_onset=False
)


def _examined_instead(counting: list[Problem], grades: dict[Side, Reading]) -> Side | None:
    """D78: the foot that drops, if exactly the other side is coded and was not examined in 30 d; else None."""
    coded = {foot for code in counting for foot in code.side.feet if foot in FEET}
    if len(coded) != 1 or coded & grades.keys():
        return None
    other = opposite(*coded)
    grade = grades.get(other)
    return other if grade is not None and grade.value <= DROPPED else None


def _disputed(chart: Chart, examined: Side, codes: list[Problem], grades: dict[Side, Reading]) -> FootDrop:
    """The drop of the examined foot alone; it is dated by the code unless the code is older than 42 d."""
    dated = [code.when for code in codes if code.when is not None]
    onset = min(dated, key=chart.age_of, default=None)
    if onset is not None and not chart.within(onset, RECENT):
        onset = None
    return FootDrop(
        sides=(examined,),
        codes=tuple(codes),
        cancelled=(),
        grades=grades,
        onset=onset,
        known_onset=onset,
        has_unknown_side_onset=onset is None,
        side=examined,
        readings=(grades[examined],),
        weakest=int(grades[examined].value),
        is_disputed=True,
    )


def _drops(
    chart: Chart,
    side: Side,
    counting: list[Problem],
    grades: dict[Side, Reading],
    series: dict[Side, list[Reading]],
) -> bool:
    grade = grades.get(side)
    if grade is not None and grade.value <= DROPPED:
        return True
    full = grade is not None and grade.value == FULL_STRENGTH
    coded = any(_is_on(problem.side, side) for problem in counting)
    if coded and not (full and side is not Side.UNKNOWN):
        return True
    if grade is None or full:
        return False
    explained = chart.problems(*RADICULAR_PAIN, *BACK_PAIN, *_DISC_OR_STENOSIS)
    return bool(explained) and loss_in_series(chart, series[side]) is not None


def _is_on(coded: Side, side: Side) -> bool:
    """Whether a code of this side belongs to `side`; a code without a side belongs to the unknown side alone."""
    return coded is side if side is Side.UNKNOWN else coded.covers(side)


def _is_cancelled(problem: Problem, grades: dict[Side, Reading]) -> bool:
    """D6, D7: grade 5 on every side of the code; for a code without a side, on both sides or without a side."""
    full = {side for side, reading in grades.items() if reading.value == FULL_STRENGTH}
    if problem.side is Side.UNKNOWN:
        return Side.UNKNOWN in full or full.issuperset(FEET)
    return full.issuperset(problem.side.feet)


def _contradicted(problems: Iterable[Problem], grades: dict[Side, Reading]) -> tuple[tuple[Problem, Reading], ...]:
    """Codes that cover a side with grade 5, each with the reading that contradicts it."""
    contradicted = []
    for problem in problems:
        if problem.side is Side.UNKNOWN:
            if _is_cancelled(problem, grades):
                contradicted.append((problem, grades.get(Side.UNKNOWN) or grades[Side.LEFT]))
            continue
        contradicted += [
            (problem, grades[side])
            for side in problem.side.feet
            if side in grades and grades[side].value == FULL_STRENGTH
        ]
    return tuple(contradicted)


def _onset(
    chart: Chart,
    sides: tuple[Side, ...],
    counting: list[Problem],
    problems: list[Problem],
    grades: dict[Side, Reading],
) -> FootDrop:
    """D8: the most recent known onset; unknown if a side has none, unless the onset is acute."""
    codes = [code for code in counting if code.side is Side.UNKNOWN or any(code.side.covers(side) for side in sides)]
    dated = [(chart.age_of(code.when), code.when) for code in codes if code.when is not None]
    known = min(dated, key=lambda onset: onset[0])[1] if dated else None
    undated = any(
        not any(code.when and (code.side is Side.UNKNOWN or code.side.covers(side)) for code in codes) for side in sides
    )
    is_unknown = known is None or (undated and not chart.within(known, ACUTE))
    readings = tuple(grades[side] for side in sides if side in grades)
    return FootDrop(
        sides=sides,
        codes=tuple(codes),
        cancelled=_contradicted(problems, grades),
        grades=grades,
        onset=None if is_unknown else known,
        known_onset=known,
        has_unknown_side_onset=undated,
        side=together(sides),
        readings=readings,
        weakest=min((int(reading.value) for reading in readings), default=None),
    )


def is_acute(chart: Chart, drop: FootDrop) -> bool:
    """Onset <=14 d; an unknown onset counts as acute (D9)."""
    return drop.onset is None or chart.within(drop.onset, ACUTE)


def is_recent(chart: Chart, drop: FootDrop) -> bool:
    """Onset <=42 d; an unknown onset counts as recent (D9)."""
    return drop.onset is None or chart.within(drop.onset, RECENT)


def is_older_than(chart: Chart, drop: FootDrop, span: timedelta) -> bool:
    """Onset known and more than `span` ago; an unknown onset never counts as long ago (D9)."""
    return drop.onset is not None and chart.age_of(drop.onset) > span


def in_episode(chart: Chart, drop: FootDrop, when: Moment | None) -> bool:
    """D15: dated at or after onset - 14 d; within 90 d if a side has no known onset; both if both apply."""
    if when is None:
        return False
    if drop.known_onset is not None and drop.known_onset.since(when) > BEFORE_ONSET:
        return False
    needs_window = drop.has_unknown_side_onset or drop.known_onset is None
    return not needs_window or chart.age_of(when) <= EPISODE_WITHOUT_ONSET


def drop_evidence(drop: FootDrop) -> tuple[Evidence, ...]:
    """The codes and readings that show the foot drop."""
    return (
        *(Evidence.of(code) for code in drop.codes),
        *(Evidence.of(reading) for reading in drop.readings),
    )
