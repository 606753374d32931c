"""Of an answer in twenty the codes that no value set knows are kept: codes alone, and not whose they are."""

from __future__ import annotations

import copy

from service.app import create_app
from service.memory.in_process import InProcess
from service.memory.rows import UnknownCode
from service.memory.unknown import EVERY
from tests.support.patients import NOW
from tests.support.signing import VIEW
from tests.support.site import REQUEST

SECRET = "Zebulon Quarterstaff"


def test_a_sample_of_answers_tells_its_unknown_codes_and_nothing_else() -> None:

    asked = copy.deepcopy(REQUEST)
    system = "https://hospital.example/problems"
    for code in ("H-123", SECRET, "x" * 60):
        coding = {"system": system, "code": code, "display": SECRET}
        record = {
            "resourceType": "Condition",
            "id": code,
            "subject": {"reference": "Patient/p1"},
            "code": {"coding": [coding]},
        }
        asked["prefetch"]["conditions"].setdefault("entry", []).append({"resource": record})
    app = create_app(now=NOW, dev=True)
    http = app.test_client()
    for _ in range(EVERY + 1):
        assert http.post(VIEW, json=asked).status_code == 200
    kept = app.memory.keeping
    assert isinstance(kept, InProcess)
    told = [one.unknown for one in kept.answered.values() if one.unknown]
    assert len(told) == 2
    evaluation = next(iter(kept.answered.values())).evaluation
    seen = [(row.place, row.system, row.code) for row in told[0]]
    assert seen[0] == ("", "", "")
    assert ("conditions", system, "H-123") in seen
    assert SECRET not in str(told)
    assert "x" * 60 not in str(told)
    assert all(isinstance(row, UnknownCode) and row.day % 86_400_000 == 0 for of in told for row in of)
    assert evaluation.id not in str(told)
    assert evaluation.patient not in str(told)
