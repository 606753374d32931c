"""Mutation of an invented rule: a change that a case notices is killed; one that no case notices is listed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from cards.language.verdict import Card, Silent
from tests.mutants.__main__ import main, show
from tests.mutants.changes import mutants
from tests.mutants.trial import Outcome, Target, measure, run, standing_on
from tests.support import cases, vignettes
from tests.support.patients import FOOT_DROP, NOW
from tests.support.places import ROOT

RULE = '''"""Made up."""

from cards.language.verdict import Card, Indicator, suppressed, not_applicable

SUPPLY = "Supply an orthosis."


def advise(chart):
    """Advice."""
    words = ["gait", "falls"]
    if chart.devices("order.afo"):
        return suppressed("an orthosis is supplied")
    if chart.age is not None and chart.age < 18:
        return not_applicable("a child")
    return Card(indicator=Indicator.INFO, summary=SUPPLY, detail=" ".join(words), because=())
'''
CASES = """
[[case]]
name = "Nothing supplied"
patient = { age = 18 }
card = "info"

[[case]]
name = "Supplied"
devices = [{ code = "afo" }]
silent = "supplied"
"""
CHILD = """
[[case]]
name = "A child of seventeen"
patient = { age = 17 }
silent = "child"
"""


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Target]:
    """The rule as its own module, with the given cases."""
    path = tmp_path / "made_up.py"
    path.write_text(RULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def with_cases(text: str) -> Target:
        written = tmp_path / "made_up.toml"
        written.write_text(text, encoding="utf-8")
        return Target("made-up", "made_up", path, [partial(_check, case) for case in cases.read(written)])

    return with_cases


def _check(case: cases.Case) -> None:
    verdict = import_module("made_up").advise(cases.chart(case, "patient-view"))
    assert isinstance(verdict, Card if "card" in case else Silent)
    assert case.get("card") == verdict.indicator.value if isinstance(verdict, Card) else case["silent"] in verdict.why


def test_a_change_that_a_case_notices_is_killed(made_up: Callable[[str], Target]) -> None:
    target = made_up(CASES)
    codes = standing_on(target)
    never_supplied = RULE.replace('if chart.devices("order.afo")', "if False")
    assert run(target, never_supplied, codes) is Outcome.KILLED
    assert run(target, RULE.replace("chart.age <", "chart.years <"), codes) is Outcome.CRASHED
    assert run(target, RULE.replace("import Card", "import Cart"), codes) is Outcome.NOT_IMPORTED
    assert run(target, RULE, codes) is Outcome.SURVIVED


def test_a_change_that_no_case_notices_is_listed(
    made_up: Callable[[str], Target], capsys: pytest.CaptureFixture[str]
) -> None:
    report = measure(made_up(CASES))
    assert report.killed > 0
    assert report.tried == report.killed + report.crashed + len(report.survivors)
    show(report, "made_up.py")
    assert (
        "\n  made_up.py:13\n"
        "    -    if chart.age is not None and chart.age < 18:\n"
        "    +    if chart.age is not None and chart.age < 17:\n"
    ) in capsys.readouterr().out


def test_the_missing_case_kills_the_survivors(made_up: Callable[[str], Target]) -> None:
    assert [mutant.diff for mutant in measure(made_up(CASES + CHILD)).survivors] == []


def test_a_case_that_is_red_already_is_refused(made_up: Callable[[str], Target]) -> None:
    with pytest.raises(ValueError, match="made-up: a case fails without any change"):
        measure(made_up(CASES.replace('"info"', '"critical"')))


def test_what_imports_the_module_from_its_package_meets_the_mutant() -> None:
    """`service.app` imports `hooks` from `service`, and with it everything that depends on the changes of drafts."""
    path = ROOT / "cards" / "orders" / "changes.py"
    target = Target("changes", "cards.orders.changes", path, [_a_draft_is_sent_back])
    source, codes = path.read_text(encoding="utf-8"), standing_on(target)
    assert run(target, source, codes) is Outcome.SURVIVED
    assert run(target, source.replace('resource["priority"] = priority', "return None"), codes) is Outcome.KILLED


def _a_draft_is_sent_back() -> None:
    app = import_module("service.app").create_app(now=NOW, dev=True)
    worse = [{"code": "mrc-ankle-dorsiflexion", "value": 4 - days, "daysAgo": 2 - days} for days in (0, 2)]
    mri = {"id": "d1", "resourceType": "ServiceRequest", "code": "mri-lumbar", "priority": "routine"}
    facts = {**FOOT_DROP, "observations": [{**grade, "side": "right"} for grade in worse], "draftOrders": [mri]}
    request = vignettes.request(facts, "order-select", NOW)
    reply = app.test_client().post("/cds-services/foot-drop-order-select", json=request)
    assert '"type":"update"' in reply.text


def test_wording_metadata_and_annotations_are_not_tried() -> None:
    lines = {mutant.line for mutant in mutants(RULE)}
    assert lines == {11, 13, 15}
    decorated = (
        '@rule("x", hooks=["a", "b"], version="1", overrides=["c", "d"])\ndef f(a: int | None = None) -> "b": ...\n'
    )
    changed = [mutant.diff.splitlines()[1] for mutant in mutants(decorated)]
    assert [line.replace(", ]", ",]") for line in changed] == [
        '+@rule("x", hooks=["b",], version="1", overrides=["c", "d"])',
        '+@rule("x", hooks=["a",], version="1", overrides=["c", "d"])',
    ]


def test_a_name_that_is_no_rule_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-rule"]) == 2
    assert "no rule, finding or module of the ground 'no-such-rule'" in capsys.readouterr().err
