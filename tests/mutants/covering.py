"""Which checks and tests call which part of a module: a mutant is tried only with those that could notice it."""

from __future__ import annotations

import ast
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

from tests.mutants.changes import first_line

Parts = frozenset[int]
"""Parts of a module, a function, a method or a statement outside of any, by their first line."""


class Covered(NamedTuple):
    """The parts of a module that each check and each test called while nothing in it was changed.

    `always` is called on import, or by no check in particular: any check may notice a change there.
    """

    always: Parts
    checks: Sequence[Parts]
    tests: Mapping[str, Parts]

    def checks_of(self, parts: Parts | None) -> list[int]:
        """The numbers of the checks that call one of the parts; for None, all of them."""
        return [number for number, called in enumerate(self.checks) if parts is None or called & parts]

    def tests_of(self, parts: Parts | None) -> list[str]:
        """The ids of the tests that call one of the parts, in their order; for None, all of them."""
        return [test for test, called in self.tests.items() if parts is None or called & parts]


class Layout:
    """The parts of a module, and the parts that a change of a line concerns."""

    def __init__(self, source: str) -> None:
        self._parts: dict[int, tuple[int, ast.stmt]] = {}
        for statement in ast.parse(source).body:
            inner = statement.body if isinstance(statement, ast.ClassDef) else []
            for part in (statement, *inner):
                self._parts[first_line(part)] = part.end_lineno or part.lineno, part

    def part(self, line: int) -> int:
        """The innermost part that contains a line."""
        around = [first for first, (last, _) in self._parts.items() if first <= line <= last]
        return max(around, default=0)

    def concerned(self, line: int, always: Parts) -> Parts | None:
        """The functions in which a change of a line shows; None when it may show anywhere.

        A change of a private constant shows in the functions that name it, or that name a constant made from it.
        """
        concerned: set[int] = set()
        waiting = [self.part(line)]
        while waiting:
            first = waiting.pop()
            if first in concerned:
                continue
            concerned.add(first)
            statement = self._parts[first][1]
            if isinstance(statement, ast.FunctionDef):
                continue
            names = _assigned(statement)
            if not names or not all(name.startswith("_") for name in names):
                return None
            waiting += [other for other, (_, part) in self._parts.items() if names & _named(part)]
        return None if concerned & always else frozenset(concerned)


def _assigned(statement: ast.stmt) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _named(part: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


class Recorder:
    """Notes which parts of one file are called, for the check or test that it is told to note them for."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path, self._layout = str(path), layout
        self.always: set[int] = set()
        self._noted = self.always

    def start(self) -> None:
        """From now on, note what this process calls."""
        threading.settrace(self._note)
        sys.settrace(self._note)

    def stop(self) -> None:
        """Stop noting."""
        sys.settrace(None)
        threading.settrace(None)

    @contextmanager
    def noting(self, called: set[int]) -> Iterator[None]:
        """Calls within the block are noted here, and not where they were noted before."""
        before, self._noted = self._noted, called
        try:
            yield
        finally:
            self._noted = before

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename == self._path:
            self._noted.add(self._layout.part(frame.f_code.co_firstlineno))


class Recording:
    """A plugin of pytest: notes what each test calls, and each fixture that it uses."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tests: dict[str, set[int]] = {}
        self._used: dict[str, list[object]] = {}
        self._fixtures: dict[object, set[int]] = {}
        self._seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note what the test calls."""
        of_names = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - a private name of pytest's
        self._used[item.nodeid] = [fixture for fixtures in of_names.values() for fixture in fixtures]
        started = time.monotonic()
        with self._recorder.noting(self._tests.setdefault(item.nodeid, set())):
            result = yield
        self._seconds[item.nodeid] = time.monotonic() - started
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """Note what a fixture calls: it runs once, and many tests use it."""
        with self._recorder.noting(self._fixtures.setdefault(fixturedef, set())):
            return (yield)

    def tests(self) -> dict[str, set[int]]:
        """The calls of each test, including those of its fixtures; the quickest test first."""
        return {
            test: called.union(*(self._fixtures.get(fixture, ()) for fixture in self._used[test]))
            for test, called in sorted(self._tests.items(), key=lambda noted: self._seconds[noted[0]])
        }


class Chosen:
    """A plugin of pytest: only the tests with these ids are run, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._places = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Deselect the other tests."""
        chosen = [item for item in items if item.nodeid in self._places]
        items[:] = sorted(chosen, key=lambda item: self._places[item.nodeid])
