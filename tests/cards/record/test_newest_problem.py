"""Several Conditions of one key: the newest of them is the one that a rule speaks of."""

from __future__ import annotations

from itertools import permutations

import pytest

from cards.value_sets.systems import SNOMED
from cards.value_sets.value_set import VALUE_SETS
from tests.support.fhir_records import SUBJECT, Json, chart, coded

PREGNANCY = "condition.pregnancy"
CODE = next(iter(VALUE_SETS[PREGNANCY].codes[SNOMED]))


def condition(identity: str, onset: str | None, **elements: str) -> Json:
    dated = {"onsetDateTime": onset} if onset else {}
    core = {"resourceType": "Condition", "id": identity, "subject": SUBJECT, "code": coded(SNOMED, CODE)}
    return core | dated | elements


@pytest.mark.parametrize(
    ("conditions", "newest"),
    [
        ([condition("a", "2024-05-01"), condition("b", "2026-02-01"), condition("c", "2025-01-01")], "b"),
        ([condition("a", "2026-02-01T09:00:00Z"), condition("b", "2026-02-01T11:00:00Z")], "b"),
        ([condition("a", "2026-02-01"), condition("b", None), condition("c", "2020-01-01")], "a"),
        ([condition("a", None, recordedDate="2026-02-10"), condition("b", "2026-02-01")], "a"),
        ([condition("b", "2026-02-01"), condition("a", "2026-02-01")], "a"),
    ],
)
def test_the_newest_speaks_in_whatever_order_they_come(conditions: list[Json], newest: str) -> None:
    for order in permutations(conditions):
        problem = chart(*order).problem(PREGNANCY)
        assert problem is not None
        assert problem.reference == f"Condition/{newest}"


def test_one_without_a_date_is_better_than_none() -> None:
    problem = chart(condition("a", None)).problem(PREGNANCY)
    assert problem is not None
    assert problem.reference == "Condition/a"
    assert chart().problem(PREGNANCY) is None
