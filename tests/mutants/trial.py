"""One mutant, tried in a forked child: the module and all that stand on it are imported anew, then its cases run."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import cache
from importlib import import_module
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import grimp

from tests.mutants.changes import Mutant, mutants
from tests.support.places import ROOT

CPU_SECONDS = 60  # a mutant that loops for ever is killed too

Check = Callable[[], object]
"""One case: raises when the module under trial does not do what the case says."""


class Outcome(IntEnum):
    """What became of a mutant; the numbers are the exit codes of the child."""

    SURVIVED = 0
    KILLED = 1  # a case saw another answer
    CRASHED = 2  # a case met an exception: noticed as well, but by no skill of the case
    NOT_IMPORTED = 3  # no module at all, so nothing that a case could notice


class Target(NamedTuple):
    """A module to be mutated, its file, and the cases that ought to notice."""

    name: str
    module: str
    path: Path
    checks: Sequence[Check]


class Report(NamedTuple):
    """The mutants of one target by outcome; those that are no module are left out."""

    name: str
    killed: int
    crashed: int
    survivors: list[Mutant]

    @property
    def tried(self) -> int:
        """How many mutants could be imported."""
        return self.killed + self.crashed + len(self.survivors)


def measure(target: Target, every: int = 1) -> Report:
    """Try the mutants of the target, or of them each N-th.

    Raises ValueError when a case fails without any change: what is red already notices nothing.
    """
    source = target.path.read_text(encoding="utf-8")
    codes = standing_on(target)
    if run(target, source, codes, is_loud=True) is not Outcome.SURVIVED:
        raise ValueError(f"{target.name}: a case fails without any change")
    outcomes = _tried_side_by_side(target, list(mutants(source))[::every], codes)
    return Report(
        target.name,
        killed=sum(outcome is Outcome.KILLED for _, outcome in outcomes),
        crashed=sum(outcome is Outcome.CRASHED for _, outcome in outcomes),
        survivors=[mutant for mutant, outcome in outcomes if outcome is Outcome.SURVIVED],
    )


def _tried_side_by_side(
    target: Target, tried: list[Mutant], codes: Mapping[str, CodeType]
) -> list[tuple[Mutant, Outcome]]:
    """What became of each mutant, in their order; as many are tried at a time as there are processors."""
    outcomes: dict[int, Outcome] = {}
    running: dict[int, int] = {}
    for number, mutant in enumerate(tried):
        if len(running) == (os.cpu_count() or 1):
            _wait_for_one(running, outcomes)
        running[_start(target, mutant.source, codes)] = number
    while running:
        _wait_for_one(running, outcomes)
    return [(mutant, outcomes[number]) for number, mutant in enumerate(tried)]


def _wait_for_one(running: dict[int, int], outcomes: dict[int, Outcome]) -> None:
    child, status = os.wait()
    outcomes[running.pop(child)] = _outcome(status)


def run(target: Target, source: str, codes: Mapping[str, CodeType], *, is_loud: bool = False) -> Outcome:
    """Run the target's cases on this text of its module, in a child; the first that fails ends it.

    `codes` is what `standing_on` gives.
    """
    _, status = os.waitpid(_start(target, source, codes, is_loud=is_loud), 0)
    return _outcome(status)


def _start(target: Target, source: str, codes: Mapping[str, CodeType], *, is_loud: bool = False) -> int:
    child = os.fork()
    if child == 0:
        outcome = Outcome.CRASHED
        try:
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
            outcome = _tried(target, source, codes, is_loud)
        finally:
            os._exit(outcome)
    return child


def _outcome(status: int) -> Outcome:
    return Outcome(os.WEXITSTATUS(status)) if os.WIFEXITED(status) else Outcome.CRASHED


def _tried(target: Target, source: str, codes: Mapping[str, CodeType], is_loud: bool) -> Outcome:
    warnings.simplefilter("ignore")  # `x is 5`: the compiler's remarks on a mutant
    try:
        _import_anew(target, source, codes)
    except Exception:
        if is_loud:
            traceback.print_exc()
        return Outcome.NOT_IMPORTED
    try:
        for check in target.checks:
            check()
    except Exception as error:
        if is_loud:
            traceback.print_exc()
        return Outcome.KILLED if isinstance(error, AssertionError) else Outcome.CRASHED
    return Outcome.SURVIVED


def _import_anew(target: Target, source: str, codes: Mapping[str, CodeType]) -> None:
    changed = compile(source, str(target.path), "exec")
    import_module("cards.rule_book").rule_book.cache_clear()
    for name in codes:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Snapshot({**codes, target.module: changed}))
    for name in codes:
        import_module(name)


class _Snapshot(MetaPathFinder, InspectLoader):
    """Finds modules in what was read before the first mutant: somebody may write files while we run.

    It is put on the path of a child alone, so it never has to leave again.
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
    """The target's module, and every loaded one of ours that imports it, directly or not: what to import anew."""
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
