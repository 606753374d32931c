"""The pictures of a chart, from its records as the rules read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

import msgspec
from msgspec import Struct

from cards.findings.course import EXAM_WINDOW
from cards.record.chart import Chart
from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.errors import OtherPatientError, UnreadableError
from cards.record.records import Resource
from service.simulator.course_picture import CoursePicture, course_picture
from service.simulator.elements import Json, text
from service.simulator.exam_picture import ExamPicture, exam_picture

_READ = frozenset({"Condition", "Observation", "Procedure", "DiagnosticReport"})


class Pictures(Struct, frozen=True):
    """The examination, and its course if a grade has a date. `window`: how many days an examination counts."""

    exam: ExamPicture
    course: CoursePicture | None
    window: int = EXAM_WINDOW.days


def pictures(records: Iterable[Json], today: date) -> Pictures | None:
    """The pictures of these records; None if they belong to several patients, or to none."""
    told = list(records)
    patient = next((text(one.get("id")) for one in told if one.get("resourceType") == "Patient"), "")
    resources = [read for one in told if one.get("resourceType") in _READ and (read := _read(one))]
    try:
        chart = Chart(patient, datetime.combine(today, datetime.now(UTC).timetz()), resources)
        return Pictures(exam_picture(chart), course_picture(chart))
    except OtherPatientError:
        return None


def _read(record: Json) -> Resource | None:
    defects: list[Defect] = []
    try:
        return read_resource(msgspec.json.encode(record), "record", defects)
    except UnreadableError:
        return None
