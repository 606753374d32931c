"""The pictures of a chart: what they show, and that the words beside them say the same, whatever the record holds."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient

from cards.findings.course import EXAM_WINDOW
from cards.record.side import Side
from service import examples
from service.simulator.chart_view import chart_view
from service.simulator.pictures import pictures
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW
from tests.support.pictured import drawn, grade

TODAY = NOW.date()


def test_each_muscle_of_each_side_is_told_and_what_lacks() -> None:
    told = drawn({"observations": [grade(1, 2), grade(1, 5, "right"), grade(2, 4, "bilateral", "eversion")]}).exam
    assert any(re.match(r"Ankle dorsiflexion, left: 2/5 on \d", sentence) for sentence in told.sentences)
    assert any(sentence.startswith("Ankle dorsiflexion, right: 5/5") for sentence in told.sentences)
    assert any(sentence.startswith("Eversion, right: 4/5") for sentence in told.sentences)
    assert "Inversion, left: not recorded" in told.sentences
    missing = {str(side): lacking for side, lacking in told.missing}
    assert "inversion" in missing["left"]
    assert "ankle dorsiflexion" not in missing["left"]
    assert told.drawing.count(">?<") == len(missing["left"]) + len(missing["right"])


def test_what_is_older_than_the_window_is_shown_and_does_not_count() -> None:
    told = drawn({"observations": [grade(EXAM_WINDOW.days + 2, 3)]})
    assert any(
        "3/5" in sentence and f"over {EXAM_WINDOW.days} days old" in sentence for sentence in told.exam.sentences
    )
    assert "ankle dorsiflexion" in dict(told.exam.missing)[Side.LEFT]
    assert 'class="weak old"' in told.exam.drawing


def test_a_grade_without_a_side_is_in_the_words_and_on_no_leg() -> None:
    told = drawn({"observations": [grade(1, 3, None)]})
    assert "Ankle dorsiflexion, 3/5: no side is stated" in told.exam.sentences
    assert ">3<" not in told.exam.drawing
    assert told.course is not None
    assert any("side not stated" in sentence for sentence in told.course.sentences)


def test_the_skin_of_l5_is_told_in_words_too() -> None:
    felt = {"code": "sensation-dorsum-foot", "value": "reduced", "daysAgo": 1, "side": "left"}
    told = drawn({"observations": [felt]}).exam
    assert 'class="skin reduced"' in told.drawing
    assert any(re.match(r"Sensation of the dorsum of the foot \(L5\), left: reduced on", one) for one in told.sentences)


def test_the_course_holds_the_windows_the_operation_and_the_scan() -> None:
    record = {entry["resource"]["id"]: entry["resource"] for entry in example("improving-after-decompression")}
    told = pictures(record.values(), TODAY)
    assert told is not None
    assert told.course is not None
    assert "14 days" in told.course.drawing
    assert "30 days" in told.course.drawing
    assert 'class="mark operation"' in told.course.drawing
    assert any("operation: Lumbar decompression" in sentence for sentence in told.course.sentences)
    assert any("(within 14 days)" in sentence for sentence in told.course.sentences)
    scanned = pictures([entry["resource"] for entry in example("strength-falls-despite-referral")], TODAY)
    assert scanned is not None
    assert scanned.course is not None
    assert 'class="mark scan"' in scanned.course.drawing


def example(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = examples.load(name).at(NOW).bundle["entry"]
    return entries


def test_without_a_dated_grade_there_is_no_course() -> None:
    assert drawn({"conditions": [{"code": "foot-drop", "onsetDaysAgo": 3}]}).course is None


def test_very_many_readings_are_drawn_and_the_words_stay_few() -> None:
    told = drawn({"observations": [grade(days, days % 6) for days in range(500)]})
    assert told.course is not None
    assert len(told.course.sentences) < 100
    assert told.course.sentences[-1].startswith("and ")


def test_records_of_two_patients_and_odd_ones_bring_no_picture_and_no_fault(client: FlaskClient) -> None:
    records = [one for some in vignettes.records(FOOT_DROP, NOW).values() for one in some]
    other = {**records[1], "subject": {"reference": "Patient/somebody-else"}}
    assert chart_view([*records, other], (), TODAY).pictures is None
    odd = [
        {"resourceType": "Observation", "code": 7},
        {"resourceType": "Patient", "id": ["p1"]},
        {"resourceType": "Procedure"},
    ]
    assert client.post("/simulator/record", json={"records": odd}).status_code == 200


def test_nothing_of_a_record_acts_in_the_picture(client: FlaskClient) -> None:
    records = [one for some in vignettes.records(FOOT_DROP, NOW).values() for one in some]
    for one in records:
        if one["resourceType"] in ("Condition", "Observation"):
            one["code"]["text"] = "<script>alert(1)</script>" + "x" * 300
    text = client.post("/simulator/record", json={"records": records}).get_data(as_text=True)
    assert 'class="picture exam"' in text
    assert "<script" not in text
