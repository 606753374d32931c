"""Where the pictures put what they show: the right leg, the right muscle, the right day, in the right window."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from cards.findings.course import EXAM_WINDOW
from cards.findings.history import LOSS_WINDOW
from tests.support.pictured import drawn, grade

MUSCLES = ["hip-abduction", "knee-extension", "plantar-flexion", "inversion", "eversion"]


def shapes(drawing: str, tag: str, kind: str = "") -> list[Element]:
    """The elements of a drawing, of one class where one is named."""
    return [one for one in ElementTree.fromstring(drawing).iter(tag) if kind in one.get("class", "")]


def words(drawing: str, text: str) -> Element:
    """The one text of a drawing that says this."""
    return next(one for one in shapes(drawing, "text") if one.text == text)


def at(shape: Element, *names: str) -> float:
    return float(next(shape.attrib[name] for name in names if name in shape.attrib))


def course(*readings: dict[str, Any]) -> str:
    told = drawn({"observations": list(readings)}).course
    assert told is not None
    return told.drawing


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    "muscle", ["ankle-dorsiflexion", *(pytest.param(one, marks=pytest.mark.long) for one in MUSCLES)]
)
def test_a_grade_stands_on_its_leg_at_its_muscle(side: str, muscle: str) -> None:
    drawing = drawn({"observations": [grade(1, 2, side, muscle)]}).exam.drawing
    (mark,) = shapes(drawing, "circle", "weak")
    digit = words(drawing, "2")
    assert (at(mark, "cx"), at(mark, "cy")) == (at(digit, "x"), at(digit, "y") - 4)
    heading = {one: at(words(drawing, one.capitalize()), "x") for one in ("left", "right")}
    assert min(heading, key=lambda one: abs(heading[one] - at(mark, "cx"))) == side
    assert heading["right"] < heading["left"], "the patient faces the reader"
    name = muscle.replace("-", " ").capitalize()
    names = {one.text: at(one, "y") for one in shapes(drawing, "text", "name")}
    assert min(names, key=lambda one: abs(names[one] - at(digit, "y"))) == name


def test_of_two_answers_of_a_day_the_worse_is_drawn() -> None:
    felt = [
        {"code": "sensation-dorsum-foot", "value": value, "daysAgo": 1, "side": "left"}
        for value in ("reduced", "normal")
    ]
    for observed in (felt, felt[::-1]):
        drawing = drawn({"observations": [*observed, grade(1, 4), grade(1, 2)]}).exam.drawing
        assert len(shapes(drawing, "path", "skin reduced")) == 1
        assert len(shapes(drawing, "circle", "weak")) == 1


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_skin_of_a_side_is_coloured_on_that_side(side: str) -> None:
    felt = {"code": "sensation-dorsum-foot", "value": "reduced", "daysAgo": 1, "side": side}
    drawing = drawn({"observations": [felt]}).exam.drawing
    (skin,) = shapes(drawing, "path", "skin reduced")
    first = float(skin.attrib["d"].split()[1])
    away = {one: abs(at(words(drawing, one.capitalize()), "x") - first) for one in ("left", "right")}
    assert away[side] < 30 < away["right" if side == "left" else "left"]


def test_a_course_goes_down_with_the_strength_and_to_the_right_with_time() -> None:
    drawing = course(
        *(grade(days, value, side) for side in ("left", "right") for days, value in ((20, 4), (10, 3), (1, 1)))
    )
    for side, tag in (("left", "circle"), ("right", "rect")):
        points = [(at(one, "cx", "x"), at(one, "cy", "y")) for one in shapes(drawing, tag, f"point {side}")]
        assert len(points) == 3
        assert all(earlier < later for earlier, later in pairwise(points))
        told = at(words(drawing, side), "x")
        assert points[-2][0] < told
        (curve,) = shapes(drawing, "polyline", f"curve {side}")
        assert len(curve.attrib["points"].split()) == 3
    scale = [at(words(drawing, str(value)), "y") for value in range(6)]
    assert scale == sorted(scale, reverse=True)


@pytest.mark.parametrize(("window", "kind"), [(LOSS_WINDOW, "near"), (EXAM_WINDOW, "far")])
@pytest.mark.parametrize("oldest", [2, 300])
def test_a_window_holds_the_days_that_count_and_no_other(window: Any, kind: str, oldest: int) -> None:
    drawing = course(grade(window.days, 2), grade(window.days + 1, 3), grade(oldest, 4))
    (box,) = shapes(drawing, "rect", f"window {kind}")
    assert words(drawing, f"{window.days} days") is not None
    points = {at(one, "cy"): at(one, "cx") for one in shapes(drawing, "circle", "point left")}
    by_grade = [points[y] for y in sorted(points, reverse=True)]  # the weakest stands lowest
    inside, outside = by_grade[0], by_grade[1]
    assert outside < at(box, "x") <= inside + 0.01
    assert at(box, "x") + at(box, "width") == pytest.approx(at(words(drawing, "today"), "x"))
    sentences = drawn({"observations": [grade(window.days, 2)]}).course
    assert sentences is not None
    assert f"(within {window.days} days)" in sentences.sentences[0]
