"""A boolean or a number that a record writes in quotes is what it says; any other word is none (O1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fhir_records import chart, examined, measured


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (True, True), (False, False), ("true", True), ("false", False), (" True ", True), ("FALSE", False),
        ("yes", None), ("1", None), ("", None), (1, None), ("true" + " " * 46, True), ("true" + " " * 47, None),
    ],
)  # fmt: skip
def test_a_boolean_in_quotes_is_that_boolean(written: Any, value: bool | None) -> None:
    readings = chart(examined("babinski", valueBoolean=written)).readings("babinski")
    assert [reading.value for reading in readings] == ([] if value is None else [value])


@pytest.mark.parametrize(("written", "is_read"), [("0" * 48 + "45", True), ("0" * 49 + "45", False)])
def test_a_number_in_quotes_has_fifty_characters_at_most(written: str, is_read: bool) -> None:
    readings = chart(measured("egfr", valueQuantity={"value": written, "code": "mL/min"})).readings("egfr")
    assert [reading.value for reading in readings] == ([45] if is_read else [])
