"""Hostile shapes that do not fit: elements of the wrong type, endless numbers, brackets, nulls and empty values."""

from __future__ import annotations

from tests.support.hostile.charts import GRADE_2, LESION, REFUSED
from tests.support.hostile.drafts import OXYCODONE
from tests.support.hostile.growing import (
    HOLE,
    NUMBER,
    Grow,
    Json,
    Shape,
    inside,
    listed,
    long,
    many,
    record,
    repeated,
)

_DROP = record("conditions", code="foot-drop")
_BARE: Json = {key: value for key, value in GRADE_2.items() if not key.startswith("value")}
_DEEP = '{"resource":{"resourceType":"Basic","x":' + "[" * 90 + "]" * 90 + "}}"
_OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "information"}]}


def _all(key: str, *templates: Json) -> Shape:
    return Shape(((key, many(*templates)),))


def _raw(text: str) -> Shape:
    return Shape((("observations", repeated(text)),))


def _digits(key: str, template: Json) -> Shape:
    """A number with as many digits as there is room for."""
    return Shape(((key, inside(template, lambda room: "1" * max(1, room))),))


def _members(text: str) -> Grow:
    """An object with as many members as there is room for, each with its own name."""

    def grow(room: int) -> str:
        count = max(0, room) // (len(text) + 12)
        return "{" + ",".join(f'"k{number}":{text}' for number in range(count)) + "}"

    return grow


SHAPES: dict[str, Shape] = {
    "conditions that do not fit": _all("conditions", _DROP | {"onsetDateTime": 5}),
    "codes that do not fit": _all("conditions", _DROP | {"code": {"coding": [{"code": 5, "system": f"x{NUMBER}"}]}}),
    "observations that do not fit": _all("observations", GRADE_2 | {"status": ["final"], "bodySite": 3}),
    "values that do not fit": _all("observations", _BARE | {"valueQuantity": {"value": f"{NUMBER}"}}),
    "orders that do not fit": _all("orders", REFUSED | {"status": {"code": "revoked"}}),
    "medicines that do not fit": _all("medications", OXYCODONE | {"dosageInstruction": [{"timing": "daily"}]}),
    "a list that does not fit": Shape((("reports", inside(LESION | {"result": HOLE}, listed(5))),)),
    "components that do not fit": Shape((("observations", inside(GRADE_2 | {"component": HOLE}, listed("x"))),)),
    "records of no type": _all("observations", {"id": f"x{NUMBER}"}),
    "records of another type": _all("conditions", {"resourceType": "Basic", "subject": {"reference": "Patient/p1"}}),
    "records of nobody": _all("conditions", {key: value for key, value in _DROP.items() if key != "subject"}),
    "entries of nothing": _raw("null"),
    "entries without members": _raw("{}"),
    "entries of numbers": _raw("1"),
    "entries of texts": _raw('"x"'),
    "entries of lists": _raw("[]"),
    "resources of nothing": _raw('{"resource":null}'),
    "outcomes": _all("observations", _OUTCOME),
    "Bundles in a Bundle": _all("conditions", {"resourceType": "Bundle", "entry": [{"resource": _DROP}]}),
    "many patients": _all("patient", {"resourceType": "Patient", "id": "p1"}),
    "many encounters": _all("encounter", {"resourceType": "Encounter", "id": f"e{NUMBER}"}),
    "links of a Bundle": Shape((("prefetch.observations.link", listed({"relation": "self", "url": f"x{NUMBER}"})),)),
    "deep records": _raw(_DEEP),
    "brackets in a text": Shape((("draftOrders", inside(REFUSED | {"note": HOLE}, long("[{"))),), "order-sign"),
    "pairs of brackets": Shape((("draftOrders", inside(REFUSED | {"note": HOLE}, listed([]))),), "order-sign"),
    "a grade of a long number": _digits("observations", _BARE | {"valueInteger": HOLE}),
    "a quantity of a long number": _digits("observations", _BARE | {"valueQuantity": {"value": HOLE}}),
    "a frequency of a long number": _digits(
        "medications", OXYCODONE | {"dosageInstruction": [{"timing": {"repeat": {"frequency": HOLE}}}]}
    ),
    "strange prefetch keys": Shape((("prefetch.strange", listed(_DROP)),)),
    "strange members of the request": Shape((("strange", _members("[1,2,3]")),)),
    "strange members of a record": Shape((("observations", inside(GRADE_2 | {"strange": HOLE}, _members("1"))),)),
    "an extension of the request": Shape((("extension", _members('{"x":"y"}')),)),
}
