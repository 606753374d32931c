"""A foot drop whose status cannot be read is no answer: the rules that read it say so, the others say what they say."""

from __future__ import annotations

import pytest

from cards.decide import decide
from cards.language.verdict import Kind, Silent
from cards.rule_book import rule_book
from cards.value_sets.systems import SNOMED
from tests.support.fhir_records import SUBJECT, chart, coded


@pytest.mark.parametrize(("status", "is_open"), [("activ", True), ("resolved", False)])
def test_without_foot_drop_a_problem_that_cannot_be_read_leaves_the_question_open(status: str, is_open: bool) -> None:
    drop = {"resourceType": "Condition", "id": "c1", "subject": SUBJECT, "code": coded(SNOMED, "6077001")}
    decision = decide(chart(drop | {"clinicalStatus": coded("any", status)}, hook="patient-view"), rule_book())
    assert decision.shown == ()
    verdict = decision.verdicts["lumbar-mri"]
    assert isinstance(verdict, Silent)
    assert verdict.kind is (Kind.COULD_NOT_EVALUATE if is_open else Kind.NOT_APPLICABLE)
    assert ("its clinicalStatus cannot be read" in verdict.why) is is_open
    assert "no foot drop is recorded" in verdict.why
    assert decision.verdicts.keys() == {rule.id for rule in rule_book().by_hook["patient-view"]}
