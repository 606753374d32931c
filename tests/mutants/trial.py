"""One mutant, tried in a forked child: the module and all that depend on it are imported again, then its cases run.

Only the cases and tests that call the changed part are run, as a run without any change has shown.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from enum import IntEnum
from functools import cache
from importlib import import_module
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from io import StringIO
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import grimp
import pytest

from tests.mutants.changes import Mutant, mutants
from tests.mutants.covering import Chosen, Covered, Layout, Recorder, Recording
from tests.support.places import ROOT

CPU_SECONDS = 60  # a mutant that loops for ever is killed too, sooner if its checks take less time
_FIRST = 25  # checks that run before any test: pytest takes most of a second to start
# Without plugins that take longer than the tests of one mutant: random order, cache, and checks for uncaught errors.
_LEFT_OUT = ("randomly", "cacheprovider", "unraisableexception", "threadexception")
_PLAIN = [*(f"-pno:{plugin}" for plugin in _LEFT_OUT), "-W", "ignore::pytest.PytestAssertRewriteWarning"]

Check = Callable[[], object]
"""One case: raises when the module under trial does not do what the case says."""


class Outcome(IntEnum):
    """What became of a mutant; the numbers are the exit codes of the child."""

    SURVIVED = 0
    KILLED = 1  # a case saw a different answer
    CRASHED = 2  # a case met an exception: noticed as well, but not by the case's own checks
    NOT_IMPORTED = 3  # not a module at all, so there is nothing that a case could notice


class Target(NamedTuple):
    """A module to be mutated, its file, and the cases and the tests (arguments of pytest) that ought to notice."""

    name: str
    module: str
    path: Path
    checks: Sequence[Check]
    tests: Sequence[str] = ()


class Choice(NamedTuple):
    """The cases, by their number, and the tests, by their id, with which a mutant is tried, and the time limit."""

    checks: Sequence[int]
    tests: Sequence[str]
    cpu_seconds: float = CPU_SECONDS


class Report(NamedTuple):
    """The mutants of one target by outcome; those that are not modules are left out."""

    name: str
    killed: int
    crashed: int
    survivors: list[Mutant]

    @property
    def tried(self) -> int:
        """How many mutants could be imported."""
        return self.killed + self.crashed + len(self.survivors)


def measure(target: Target, every: int = 1, at_once: int = 1) -> Report:
    """Try the mutants of the target, or every N-th of them, this many at once.

    Raises ValueError when a case fails without any change: a case that fails already notices nothing.
    """
    if target.tests:
        _pytest(target.tests, "--collect-only")  # what is imported here need not be read in each child
    source = target.path.read_text(encoding="utf-8")
    codes = standing_on(target)
    covered, seconds = _covered(target, source, codes)
    layout = Layout(source)
    tried = list(mutants(source))[::every]
    of_line = [layout.concerned(mutant.line, covered.always) for mutant in tried]
    limit = min(5 + 2 * seconds, CPU_SECONDS)  # the measured run also noted its calls, and so took longer
    choices = [Choice(covered.checks_of(parts), covered.tests_of(parts), limit) for parts in of_line]
    outcomes = _tried_side_by_side(target, list(zip(tried, choices, strict=True)), codes, at_once)
    return Report(
        target.name,
        killed=sum(outcome is Outcome.KILLED for _, outcome in outcomes),
        crashed=sum(outcome is Outcome.CRASHED for _, outcome in outcomes),
        survivors=[mutant for mutant, outcome in outcomes if outcome is Outcome.SURVIVED],
    )


def _covered(target: Target, source: str, codes: Mapping[str, CodeType]) -> tuple[Covered, float]:
    """The parts of the target that each check and test calls, noted in a child, and the CPU seconds that each takes."""
    reading, writing = os.pipe()
    before = children_seconds()
    child = os.fork()
    if child == 0:
        outcome = 1
        try:
            os.close(reading)
            noted = _noted(target, source, codes)
            with os.fdopen(writing, "w", encoding="utf-8") as stream:
                json.dump(noted, stream, default=sorted)
            outcome = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(outcome)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        written = stream.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise ValueError(f"{target.name}: a case fails without any change")
    always, checks, tests = json.loads(written)
    by_test = {test: frozenset(called) for test, called in tests.items()}
    return Covered(frozenset(always), [frozenset(called) for called in checks], by_test), children_seconds() - before


def children_seconds() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _noted(target: Target, source: str, codes: Mapping[str, CodeType]) -> tuple[object, object, object]:
    recorder = Recorder(target.path, Layout(source))
    recorder.start()
    _import_anew(target, source, codes)
    checks: list[set[int]] = []
    for check in target.checks:
        checks.append(set())
        with recorder.noting(checks[-1]):
            check()
    recording = Recording(recorder)
    if target.tests:
        _pytest(target.tests, plugins=[recording])
    recorder.stop()
    return recorder.always, checks, recording.tests()


def _pytest(tests: Sequence[str], *options: str, plugins: Sequence[object] = ()) -> None:
    """Runs our tests in this process, up to the first that fails."""
    with redirect_stdout(StringIO()) as said:
        status = pytest.main([*tests, "-q", "-x", "-n", "0", *_PLAIN, *options], list(plugins))
    assert status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), said.getvalue()


def _tried_side_by_side(
    target: Target, tried: list[tuple[Mutant, Choice]], codes: Mapping[str, CodeType], at_once: int
) -> list[tuple[Mutant, Outcome]]:
    """What became of each mutant, in their order."""
    outcomes: dict[int, Outcome] = {}
    running: dict[int, int] = {}
    for number, (mutant, choice) in enumerate(tried):
        if len(running) == at_once:
            _wait_for_one(running, outcomes)
        running[_start(target, mutant.source, codes, choice)] = number
    while running:
        _wait_for_one(running, outcomes)
    return [(mutant, outcomes[number]) for number, (mutant, _) in enumerate(tried)]


def _wait_for_one(running: dict[int, int], outcomes: dict[int, Outcome]) -> None:
    child, status = os.wait()
    outcomes[running.pop(child)] = _outcome(status)


def run(target: Target, source: str, codes: Mapping[str, CodeType]) -> Outcome:
    """Run all of the target's cases on this text of its module, in a child; the first that fails ends it.

    `codes` is what `standing_on` gives.
    """
    _, status = os.waitpid(_start(target, source, codes, Choice(range(len(target.checks)), ())), 0)
    return _outcome(status)


def _start(target: Target, source: str, codes: Mapping[str, CodeType], choice: Choice) -> int:
    child = os.fork()
    if child == 0:
        outcome = Outcome.CRASHED
        try:
            signal.setitimer(signal.ITIMER_PROF, choice.cpu_seconds)
            outcome = _tried(target, source, codes, choice)
        finally:
            os._exit(outcome)
    return child


def _outcome(status: int) -> Outcome:
    return Outcome(os.WEXITSTATUS(status)) if os.WIFEXITED(status) else Outcome.CRASHED


def _tried(target: Target, source: str, codes: Mapping[str, CodeType], choice: Choice) -> Outcome:
    warnings.simplefilter("ignore")  # `x is 5`: the compiler's warnings about a mutant
    try:
        _import_anew(target, source, codes)
    except Exception:
        return Outcome.NOT_IMPORTED
    apart = max(1, len(choice.checks) // _FIRST)
    first = choice.checks[::apart]
    others = [check for number, check in enumerate(choice.checks) if number % apart]
    try:
        for check in first:
            target.checks[check]()
        if choice.tests:
            _pytest(target.tests, plugins=[Chosen(choice.tests)])
        for check in others:
            target.checks[check]()
    except Exception as error:
        return Outcome.KILLED if isinstance(error, AssertionError) else Outcome.CRASHED
    return Outcome.SURVIVED


def _import_anew(target: Target, source: str, codes: Mapping[str, CodeType]) -> None:
    changed = compile(source, str(target.path), "exec")
    import_module("cards.rule_book").rule_book.cache_clear()
    for name in codes:
        _forget(name)
    sys.meta_path.insert(0, _Snapshot({**codes, target.module: changed}))
    for name in codes:
        import_module(name)


def _forget(name: str) -> None:
    """Drop a module: also from its package, where `from package import module` would find it as it was."""
    module, (package, _, own_name) = sys.modules.pop(name, None), name.rpartition(".")
    if package in sys.modules and getattr(sys.modules[package], own_name, None) is module is not None:
        delattr(sys.modules[package], own_name)


class _Snapshot(MetaPathFinder, InspectLoader):
    """Finds modules in the text that was read before the first mutant, because files may change while we run.

    It is put only on the path of a child, so it never has to be removed.
    """

    def __init__(self, codes: Mapping[str, CodeType]) -> None:
        self._codes = codes

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        code = self._codes.get(fullname)
        return None if code is None else spec_from_file_location(fullname, code.co_filename, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        return self._codes[fullname]

    def is_package(self, fullname: str) -> bool:
        return Path(self._codes[fullname].co_filename).name == "__init__.py"

    def get_source(self, fullname: str) -> None:
        return None


def standing_on(target: Target) -> dict[str, CodeType]:
    """The target's module, and every loaded one of ours that imports it, directly or not; all are imported again."""
    graph = _graph()
    above = graph.find_downstream_modules(target.module) if target.module in graph.modules else set()
    paths = {name: _path(name) for name in sorted(above) if name in sys.modules} | {target.module: target.path}
    return {name: compile(path.read_text(encoding="utf-8"), str(path), "exec") for name, path in paths.items()}


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("cards", "service", "tests", cache_dir=None)


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
