"""`make mutants [RULE=afo]`: change rules, definitions and what they depend on, and list what no test notices."""

from __future__ import annotations

import gc
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import cache, partial
from importlib import import_module
from typing import Any

import service.app  # noqa: F401 - here once, for all children
from tests.mutants.trial import Check, Report, Target, children_seconds, measure
from tests.support import cases
from tests.support.places import ROOT

ENOUGH = 0.85
FINDINGS = cases.FINDINGS
TESTS = ROOT / "tests"
# Modules that every rule depends on, each with its tests, which are quicker than all the cases that follow them.
GROUND = {
    "cards.decide": [
        *("cards/test_vignettes.py", "-k", "not encoding and not server"),
        *(f"service/test_{name}.py" for name in ("hook_tables", "faults", "unseen_keys")),
        "service/odd/test_not_understood.py",
        "cards/test_left_out.py",
    ],
    "cards.offers": ["cards/orders/test_offers.py"],
    "cards.orders.changes": ["cards/orders/test_changed_drafts.py", "cards/orders/test_doses.py"],
    "cards.record.drafts": ["cards/record/test_drafts.py", "cards/record/test_drafts_kept.py"],
    "cards.record.medicines": ["cards/record/test_medicines.py", "cards/record/test_day_doses.py"],
    "cards.record.in_quotes": [f"cards/record/test_{name}.py" for name in ("in_quotes", "units", "decoding")],
    "cards.record.quantities": [f"cards/record/test_{name}.py" for name in ("units", "values", "words_of_readings")],
    "cards.record.statuses": ["cards/record/test_statuses.py", "cards/record/test_records.py"],
    "cards.record.whose": ["service/test_whose.py", "cards/record/test_drafts.py", "cards/record/test_drafts_kept.py"],
    "cards.record.values": [f"cards/record/test_{name}.py" for name in ("values", "units", "words_of_readings")],
}


def targets() -> Iterator[Target]:
    """A rule with its own cases; a module of shared definitions with its cases, the others', and all rules'.

    A module that every rule depends on, with all cases and its own tests.
    """
    _read_once()
    of_rules = _checks("tests.cards.rules.test_cases")
    of_findings = _checks("tests.cards.findings.test_findings")
    for rule, path in cases.files():
        yield Target(rule, f"cards.rules.{path.stem}", path.with_suffix(".py"), of_rules[rule])
    for path in sorted(FINDINGS.glob("[!_]*.py")):
        own = of_findings.get(path.stem, [])
        others = [check for name, checks in of_findings.items() if name != path.stem for check in checks]
        every = [*own, *others, *(check for checks in of_rules.values() for check in checks)]
        tests = [str(test) for test in (TESTS / "cards" / "findings").glob(f"test_{path.stem}.py")]
        yield Target(path.stem, f"cards.findings.{path.stem}", path, every, tests)
    everything = [check for checks in (of_rules, of_findings) for own in checks.values() for check in own]
    for module, words in GROUND.items():
        path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        tests = [str(TESTS / word) if (TESTS / word).exists() else word for word in words]
        yield Target(module.rpartition(".")[2], module, path, everything, tests)


def _checks(module: str) -> dict[str, list[Check]]:
    """The cases of a test module, by rule or by module of definitions, each with its chart made in advance."""
    checks: dict[str, list[Check]] = {}
    for parameters in import_module(module).ALL:
        name, case = parameters.values
        checks.setdefault(name, []).append(partial(_run, module, name, case))
    return checks


def _run(module: str, name: str, case: cases.Case) -> None:
    try:
        import_module(module).check_case(name, case)  # the module as it is in the child, not as it was
    except Exception as error:
        error.add_note(f"{name}: {case['name']}")
        raise


def _read_once() -> None:
    """Read each case file and make each chart once for all children; a chart is used up only in its child."""
    read, make = cache(cases.read), cases.chart
    charts: dict[tuple[int, str], Any] = {}

    def chart(case: cases.Case, hook: str, **more: Any) -> Any:
        return charts.get((id(case), hook)) or make(case, hook, **more)

    cases.read, cases.chart = read, chart
    of_rules, of_findings = (
        import_module("tests.cards.rules.test_cases"),
        import_module("tests.cards.findings.test_findings"),
    )
    for parameters in of_rules.ALL:
        rule, case = parameters.values
        hook = of_rules._hook(rule, case)
        charts[id(case), hook] = make(case, hook)
    for parameters in of_findings.ALL:
        case = parameters.values[1]
        charts[id(case), str(case.get("hook", "patient-view"))] = make(case, str(case.get("hook", "patient-view")))


def show(report: Report, path: str) -> None:
    """The numbers of one target, and each survivor with its file, line and diff."""
    share = 1 - len(report.survivors) / report.tried if report.tried else 1
    print(f"{report.name}: {report.tried} mutants, {share:.1%} killed ({report.crashed} by an exception)", flush=True)
    for mutant in report.survivors:
        print(f"\n  {path}:{mutant.line}\n" + "\n".join(f"    {line}" for line in mutant.diff.splitlines()))
    print(flush=True)


def main(arguments: list[str]) -> int:
    """0 when enough mutants were killed, 1 when too few were or a case fails, 2 for an unknown name."""
    parser = ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="rules, findings or modules of the ground; all without one")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try only each N-th mutant: an estimate")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, metavar="N", help="try N mutants at a time")
    chosen = parser.parse_args(arguments)
    names = chosen.names
    known = {target.name: target for target in targets()}
    wanted = [name if name in known else name.replace("_", "-") for name in names] or list(known)
    if unknown := [name for name in wanted if name not in known]:
        print(
            f"There is no rule, finding or module of the ground {unknown[0]!r}. There are: {', '.join(known)}",
            file=sys.stderr,
        )
        return 2
    gc.freeze()  # keeps shared what the children share
    started, reports = time.monotonic(), []
    for name in wanted:
        try:
            reports.append(measure(known[name], chosen.every, chosen.at_once))
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
        show(reports[-1], str(known[name].path.relative_to(ROOT)))
    tried, left = sum(report.tried for report in reports), sum(len(report.survivors) for report in reports)
    share = 1 - left / tried if tried else 1
    print(
        f"{tried} mutants, {left} survived, {share:.1%} killed, in {time.monotonic() - started:.0f} s"
        f" ({children_seconds() / max(tried, 1):.1f} s of a processor for each)"
    )
    return 0 if share >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
