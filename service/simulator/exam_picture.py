"""The examination as a picture: both legs with muscle grades and the L5 dermatome, and the same in words.

The grades are those that the rules read. No decision depends on the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup
from msgspec import Struct

from cards.findings.course import EXAM_WINDOW
from cards.record.chart import Chart
from cards.record.facts import Reading
from cards.record.side import FEET, Side
from service.simulator import svg

_SENSATION = "sensation-dorsum-foot"
# Where each muscle is drawn: its name, its height on the leg, and its distance outwards from the middle of the leg.
_MUSCLES = (
    ("mrc-hip-abduction", "Hip abduction", 34, 12),
    ("mrc-knee-extension", "Knee extension", 92, 0),
    ("mrc-plantar-flexion", "Plantar flexion", 150, -7),
    ("mrc-ankle-dorsiflexion", "Ankle dorsiflexion", 182, 5),
    ("mrc-inversion", "Inversion", 212, -9),
    ("mrc-eversion", "Eversion", 236, 9),
    ("mrc-toe-extension", "Toe extension", 262, 2),
)
_CODES = {code: name for code, name, *_ in _MUSCLES} | {_SENSATION: "Sensation of the dorsum of the foot (L5)"}
_WIDTH, _HEIGHT, _SKIN_Y = 320, 302, 290
_MIDDLE = {Side.RIGHT: 62, Side.LEFT: 258}
_OUTSIDE = {Side.RIGHT: -1, Side.LEFT: 1}  # the patient faces the reader
_WEAK, _FULL = 3, 5

# The outline of a leg, and the L5 skin (outer shank, back of the foot), as offsets outwards and heights.
_LEG = ((-14, 22), (-12, 100), (-9, 120), (-12, 150), (-7, 215), (-12, 245), (-10, 276), (14, 276), (12, 250),
        (8, 215), (13, 150), (10, 120), (17, 100), (22, 30))  # fmt: skip
_SKIN = ((2, 128), (11, 126), (13, 150), (8, 215), (12, 250), (13, 274), (-8, 274), (-8, 250), (-2, 222))


_Newest = Mapping[tuple[str, Side], Reading | None]


class ExamPicture(Struct, frozen=True):
    """The drawing, sentences that say what it shows, and what is missing on each side."""

    drawing: Markup
    sentences: tuple[str, ...]
    missing: tuple[tuple[Side, tuple[str, ...]], ...]


def exam_picture(chart: Chart) -> ExamPicture:
    """The newest grade of each muscle by side, and what was not examined within the examination window."""
    newest = {(code, side): _newest(chart, code, side) for code in _CODES for side in FEET}
    title = "Both legs seen from the front, with the grades of the muscles and the skin of L5. The words follow."
    return ExamPicture(
        svg.picture(_WIDTH, _HEIGHT, title, _drawn(chart, newest), "exam"),
        (*(_sentence(code, side, chart, one) for (code, side), one in newest.items()), *_without_side(chart)),
        tuple((side, lacking) for side in FEET if (lacking := _missing(chart, newest, side))),
    )


def _missing(chart: Chart, newest: _Newest, side: Side) -> tuple[str, ...]:
    return tuple(
        f"{name[:1].lower()}{name[1:]}" for code, name in _CODES.items() if not _counts(chart, newest[code, side])
    )


def _drawn(chart: Chart, newest: _Newest) -> Iterator[Markup]:
    for side in FEET:
        felt = newest[_SENSATION, side]
        yield svg.words(_MIDDLE[side], 14, str(side).capitalize(), "side")
        yield from _leg(side, felt)
        for code, _, y, outwards in _MUSCLES:
            yield from _mark(_MIDDLE[side] + _OUTSIDE[side] * outwards, y, chart, newest[code, side])
        yield svg.words(_MIDDLE[side], _SKIN_Y + 4, _value(_SENSATION, felt) if felt else "?", "grade")
    for _, name, y, _ in _MUSCLES:
        yield svg.words(_WIDTH / 2, y + 4, name, "name")
    yield svg.words(_WIDTH / 2, _SKIN_Y + 4, "Sensation, L5 skin", "name")


def _newest(chart: Chart, code: str, side: Side) -> Reading | None:
    """The newest reading of a foot. Of several on one day, the worse: the lower grade, or reduced sensation."""
    dated = [one for one in chart.readings(code) if one.when and side in one.side.feet]
    worst = -1 if code == _SENSATION else 1
    return max(dated, key=lambda one: (one.when.day if one.when else None, -worst * one.value), default=None)


def _counts(chart: Chart, reading: Reading | None) -> bool:
    return reading is not None and chart.within(reading.when, EXAM_WINDOW)


def _leg(side: Side, felt: Reading | None) -> Iterator[Markup]:
    def outline(points: tuple[tuple[int, int], ...]) -> str:
        at = " L ".join(f"{_MIDDLE[side] + _OUTSIDE[side] * x} {y}" for x, y in points)
        return f"M {at} Z"

    yield svg.path(outline(_LEG), "leg")
    yield svg.path(outline(_SKIN), f"skin {'unknown' if felt is None else 'reduced' if felt.value else 'normal'}")


def _mark(x: float, y: float, chart: Chart, reading: Reading | None) -> Iterator[Markup]:
    """A grade in a circle, which is dashed if the grade is missing or too old to count."""
    if reading is None:
        level = "missing"
    else:
        level = "weak" if reading.value <= _WEAK else "less" if reading.value < _FULL else "full"
    yield svg.dot(x, y, 10, f"{level}{'' if _counts(chart, reading) else ' old'}")
    yield svg.words(x, y + 4, "?" if reading is None else f"{reading.value:g}", "grade")


def _sentence(code: str, side: Side, chart: Chart, reading: Reading | None) -> str:
    return f"{_CODES[code]}, {side}: {_value(code, reading)}{_on(chart, reading)}"


def _value(code: str, reading: Reading | None) -> str:
    if reading is None:
        return "not recorded"
    if code == _SENSATION:
        return "reduced" if reading.value else "normal"
    return f"{reading.value:g}/5"


def _on(chart: Chart, reading: Reading | None) -> str:
    if reading is None or reading.when is None:
        return ""
    age = "" if _counts(chart, reading) else f", over {EXAM_WINDOW.days} days old"
    return f" on {reading.when.day.day} {reading.when.day:%b %Y}{age}"


def _without_side(chart: Chart) -> Iterator[str]:
    """Readings without a stated side or a date: they are only in the sentences."""
    for code, name in _CODES.items():
        for one in chart.readings(code):
            if one.when is None or one.side is Side.UNKNOWN:
                lacks = " and ".join(
                    lack for lack, is_so in (("side", one.side is Side.UNKNOWN), ("date", one.when is None)) if is_so
                )
                yield f"{name}, {_value(code, one)}: no {lacks} is stated"
