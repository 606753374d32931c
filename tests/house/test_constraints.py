"""constraints.txt pins all that pip resolves for the package and its tools, and nothing else."""

from __future__ import annotations

import tomllib
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED = [Requirement(text) for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]]


def pinned() -> dict[str, str]:
    """The version of each package, as constraints.txt pins it."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("==") for line in lines if not line.startswith("#")]
    assert all(version for _, _, version in pairs), "exact versions alone"
    return {canonicalize_name(name): version for name, _, version in pairs}


def resolved() -> set[str]:
    """The packages that the project asks for, and those that these ask for, as they are installed here."""
    names: dict[str, set[str]] = {}
    waiting = list(ASKED)
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if name in names and asked.extras <= names[name]:
            continue
        names.setdefault(name, set()).update(asked.extras)
        for more in map(Requirement, requires(name) or ()):
            if more.marker is None or any(more.marker.evaluate({"extra": extra}) for extra in ("", *asked.extras)):
                waiting.append(more)
    return set(names)


def test_every_package_is_pinned_and_no_other() -> None:
    assert set(pinned()) == resolved()


def test_the_pins_are_what_the_project_asks_for() -> None:
    versions = pinned()
    assert [str(asked) for asked in ASKED if versions[canonicalize_name(asked.name)] not in asked.specifier] == []
