"""constraints.txt pins everything that pip resolves for the package and its tools, and nothing else."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [words.rpartition(" ")[2] for words in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", words)]
SPARK = [Requirement(text) for text in PROJECT["optional-dependencies"]["spark"]]
ALONE = " # for the extra spark alone"
ASKED = [Requirement(text) for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]]


def pinned() -> dict[str, str]:
    """The version of each package, as constraints.txt pins it."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(" #")[0].partition("==") for line in lines if not line.startswith("#")]
    assert all(version for _, _, version in pairs), "exact versions alone"
    return {canonicalize_name(name): version for name, _, version in pairs}


def resolved() -> set[str]:
    """The packages that the project requires, and their own requirements, on any supported Python."""
    names: dict[str, set[str]] = {}
    waiting = list(ASKED)
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if name not in names or not asked.extras <= names[name]:
            names.setdefault(name, set()).update(asked.extras)
            waiting += [more for more in _requirements(name) if _is_asked(more, asked.extras)]
    return set(names)


def _requirements(name: str) -> list[Requirement]:
    try:
        return [Requirement(text) for text in requires(name) or ()]
    except PackageNotFoundError:  # it is for a Python other than this one
        return []


def _is_asked(requirement: Requirement, extras: set[str]) -> bool:
    return requirement.marker is None or any(
        requirement.marker.evaluate({"extra": extra, "python_version": python, "python_full_version": f"{python}.0"})
        for extra in ("", *extras)
        for python in PYTHONS
    )


def test_all_supported_pythons_are_looked_at() -> None:
    assert PYTHONS == ["3.11", "3.12", "3.13"]


def test_every_package_is_pinned_and_no_other() -> None:
    """PySpark, which only the long tests install, is pinned with everything else that it needs."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    for_spark = {line.partition("==")[0] for line in lines if line.endswith(ALONE)}
    assert {asked.name for asked in SPARK} <= for_spark
    assert set(pinned()) == resolved() | for_spark
    assert not resolved() & for_spark


def test_the_pins_are_what_the_project_asks_for() -> None:
    versions = pinned()
    assert [
        str(asked) for asked in [*ASKED, *SPARK] if versions[canonicalize_name(asked.name)] not in asked.specifier
    ] == []
