"""Grades of ankle dorsiflexion over time, with the rules' windows, operations and scans; and the same in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from markupsafe import Markup
from msgspec import Struct

from cards.findings.course import DECOMPRESSION, EXAM_WINDOW, dorsiflexion
from cards.findings.history import LOSS_WINDOW
from cards.findings.studies import CT_REPORTS, MRI_REPORTS
from cards.record.chart import Chart
from cards.record.facts import Fact, Reading
from cards.record.side import FEET, Side
from service.simulator import svg

_OPERATIONS = (DECOMPRESSION, "procedure.spinal-fixation")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 320, 202, 22, 312, 34, 160
_LEAST_DAYS, _MOST_DAYS = 45, 400  # anything older is only in the sentences
_MOST_SENTENCES = 60
_HIGHEST, _APART = 5, 32
_MARKS = {"operation": "op", "scan": "scan", "onset": "onset"}


class CoursePicture(Struct, frozen=True):
    """The drawing, and sentences that say what it shows, the newest first."""

    drawing: Markup
    sentences: tuple[str, ...]


class _Event(Struct, frozen=True):
    day: date
    kind: str
    words: str


def course_picture(chart: Chart) -> CoursePicture | None:
    """The course of the strength; None if no grade has a date."""
    today = chart.clock.now.date()
    series = {side: [one for one in readings if one.when] for side, readings in dorsiflexion(chart).items()}
    graded = [_graded(side, one) for side, readings in series.items() for one in readings]
    if not graded:
        return None
    events = list(_events(chart))
    days = [(today - event.day).days for event in (*graded, *events)]
    span = min(max(_LEAST_DAYS, *days) + 2, _MOST_DAYS)
    parts = [*_windows(span), *_scale(span)]
    parts += _marks(events, today, span)
    for side in FEET:
        parts += _curve(side, series.get(side, []), today, span)
    title = "Ankle dorsiflexion over time, with the windows of the rules, operations and scans. The words follow."
    return CoursePicture(svg.picture(_WIDTH, _HEIGHT, title, parts, "course"), _told([*graded, *events], today))


def _graded(side: Side, reading: Reading) -> _Event:
    where = "side not stated" if side is Side.UNKNOWN else str(side)
    day = reading.when.day if reading.when else date.min
    return _Event(day, "grade", f"ankle dorsiflexion {reading.value:g}/5, {where}")


def _events(chart: Chart) -> Iterator[_Event]:
    """Spinal operations, spinal scans, and the onset of foot drop, if they have a date."""
    told: tuple[tuple[str, Iterable[Fact]], ...] = (
        ("operation", chart.procedures(*_OPERATIONS)),
        ("scan", chart.reports(*MRI_REPORTS, *CT_REPORTS)),
        ("onset", (one for one in chart.problems("condition.foot-drop") if not one.is_recorded)),
    )
    for kind, facts in told:
        for fact in facts:
            if fact.when:
                yield _Event(fact.when.day, kind, f"{kind}: {fact.text}")


def _told(events: list[_Event], today: date) -> tuple[str, ...]:
    newest = sorted(events, key=lambda event: event.day, reverse=True)
    lines = [f"{event.day.day} {event.day:%b %Y}: {event.words}{_window(event, today)}" for event in newest]
    more = len(lines) - _MOST_SENTENCES
    return (*lines[:_MOST_SENTENCES], *([f"and {more} earlier"] if more > 0 else []))


def _window(event: _Event, today: date) -> str:
    """The window of the rules in which a grade lies, in words."""
    if event.kind != "grade":
        return ""
    days = (today - event.day).days
    within = next((window.days for window in (LOSS_WINDOW, EXAM_WINDOW) if days <= window.days), 0)
    return f" (within {within} days)" if within else f" (over {EXAM_WINDOW.days} days old)"


def _x(day: date, today: date, span: int) -> float:
    return _RIGHT - (today - day).days / span * (_RIGHT - _LEFT)


def _y(grade: float) -> float:
    return _BOTTOM - grade / _HIGHEST * (_BOTTOM - _TOP)


def _windows(span: int) -> Iterator[Markup]:
    for window, kind, y in ((EXAM_WINDOW, "window far", 12), (LOSS_WINDOW, "window near", 26)):
        width = min(window.days / span, 1) * (_RIGHT - _LEFT)
        yield svg.box(_RIGHT - width, y - 9, width, _BOTTOM - y + 9, kind)
        yield svg.words(_RIGHT - 3, y, f"{window.days} days", "name", "end")


def _scale(span: int) -> Iterator[Markup]:
    for grade in range(_HIGHEST + 1):
        yield svg.line(_LEFT, _y(grade), _RIGHT, _y(grade), "rule")
        yield svg.words(_LEFT - 6, _y(grade) + 4, str(grade), "name", "end")
    yield svg.words(_RIGHT, _BOTTOM + 38, "today", "name", "end")
    yield svg.words(_LEFT, _BOTTOM + 38, f"{span} days ago", "name", "start")


def _marks(events: Iterable[_Event], today: date, span: int) -> Iterator[Markup]:
    """One line for each kind of event and day, with a word below it."""
    shown = {(event.day, event.kind) for event in events if (today - event.day).days <= span}
    rows: tuple[list[float], list[float]] = ([], [])
    for day, kind in sorted(shown):
        x = _x(day, today, span)
        yield svg.line(x, _TOP, x, _BOTTOM, f"mark {kind}")
        for number, taken in enumerate(rows):
            if all(abs(x - other) > _APART for other in taken):  # words that fit in no row are only in the sentences
                taken.append(x)
                y = _BOTTOM + 12 + 12 * number
                yield svg.words(min(max(x, _LEFT + 12), _RIGHT - 12), y, _MARKS[kind], "name")
                break


def _curve(side: Side, readings: list[Reading], today: date, span: int) -> Iterator[Markup]:
    points = sorted(
        (_x(one.when.day, today, span), _y(one.value))
        for one in readings
        if one.when and (today - one.when.day).days <= span
    )
    if not points:
        return
    yield svg.polyline(points, f"curve {side}")
    for x, y in points:
        yield svg.dot(x, y, 4, f"point {side}") if side is Side.LEFT else svg.box(x - 4, y - 4, 8, 8, f"point {side}")
    last_x, last_y = points[-1]
    beside = 14 if side is Side.LEFT else -8
    yield svg.words(min(last_x + 8, _RIGHT) - 4, last_y + beside, str(side), f"name {side}", "end")
