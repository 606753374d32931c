"""README, CONTRIBUTING and the pages tell the truth: their commands and files exist, and their examples work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from click import Command

from cards.rule_book import rule_book
from service import examples
from service.command.cli import main
from service.hooks import HOOKS, service_id
from service.settings import Settings, load
from tests.support import house
from tests.support.places import DOCS, ROOT

RULES = rule_book().rules
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CONNECTING = (DOCS / "connecting.md").read_text(encoding="utf-8")
GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")
PAGES = {path: text for path, text in house.texts(suffix=".md").items() if not path.startswith("fhir_examples/")}
COMMANDS: Mapping[str, Command] = main.commands


def block(page: str, language: str, start: str) -> str:
    """The fenced block of a language that begins with these words."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return next(text for text in blocks if text.startswith(start))


EXAMPLE = {
    "cards/rules/falls_risk.py": block(CONTRIBUTING, "python", '"""Foot drop in an older'),
    "cards/rules/falls_risk.toml": block(CONTRIBUTING, "toml", "[like.weak-left]"),
    "cards/value_sets/condition.history-of-fall.toml": block(CONTRIBUTING, "toml", 'title = "History of fall"'),
}


def with_the_example(tree: Path) -> None:
    """A copy of the tree to which the worked example is added."""
    for path in house.files():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tree / path)
    for name, text in EXAMPLE.items():
        (tree / name).write_text(text, encoding="utf-8")
    changelog = tree / "CHANGELOG.md"
    changelog.write_text(f"{changelog.read_text(encoding='utf-8')}\n- `falls-risk`: new.\n", encoding="utf-8")


def run_tests(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """pytest in a copy of the tree."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long  # a minute by itself
def test_with_the_worked_example_of_a_rule_its_own_cases_and_every_fast_test_pass(tmp_path: Path) -> None:
    """The four files suffice: no table, page or stored answer has to know the rule."""
    with_the_example(tmp_path)
    run = run_tests(tmp_path, "tests/cards/rules/test_cases.py", "-k", "falls-risk")
    assert run.returncode == 0, run.stdout + run.stderr
    cases = len(tomllib.loads(EXAMPLE["cards/rules/falls_risk.toml"])["case"])
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed, run.stdout
    assert int(passed[1]) >= cases >= 4
    run = run_tests(tmp_path, "--fast", "-n", "2", "--dist", "worksteal", "tests")
    assert run.returncode == 0, run.stdout[-10_000:] + run.stderr


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 170


def test_every_rule_that_is_listed_exists_once_under_its_file() -> None:
    """A rule that is not listed is valid too: adding one changes no document except CHANGELOG.md."""
    rows = re.findall(r"^\| \[([a-z-]+)\]\(([\w/.]+)\) \|", README, re.MULTILINE)
    assert len(rows) == len(set(rows)) >= 20
    assert [rule for rule, _ in rows if rule not in RULES] == []
    assert [path for rule, path in rows if path != f"cards/rules/{rule.replace('-', '_')}.py"] == []


def test_every_service_is_listed() -> None:
    assert [hook for hook in HOOKS if f"| `{service_id(hook)}` | {hook} |" not in README] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"(?:\.venv/bin/|`)foot-drop-cds (\w[\w-]*)", PAGES[page]))
    if page == "README.md":
        named |= set(re.findall(r"^\| `((?!foot-drop-)\w[\w-]*)[ `]", PAGES[page], re.MULTILINE))
        assert named >= COMMANDS.keys()
    assert named - COMMANDS.keys() == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_that_is_named_exists(page: str) -> None:
    assert house.unknown_targets(PAGES[page], (ROOT / "Makefile").read_text(encoding="utf-8")) == set()


def test_the_count_of_the_demo_is_the_count_of_the_examples() -> None:
    count = len(examples.names())
    assert f"`{count} of {count} answers are as expected.`" in README
    assert f"({count} patients: " in README
    assert f"\n{count} patients loaded into " in (DOCS / "hapi.md").read_text(encoding="utf-8")
    for name in re.findall(r"foot-drop-cds example ([a-z-]+)", README):
        assert name in examples.names()


def test_the_settings_that_are_shown_are_accepted_and_all_are_explained(tmp_path: Path) -> None:
    file = tmp_path / "foot-drop-cds.toml"
    file.write_text(block(CONNECTING, "toml", "# foot-drop-cds.toml"), encoding="utf-8")
    settings = load(file, {})
    assert settings.deadline_ms == 450
    assert "observation.mrc-ankle-dorsiflexion" in settings.codes
    tables = CONNECTING + (DOCS / "operations.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if name != "dev" and f"| `{name}` |" not in tables] == []
    assert [name for name in Settings.model_fields if name != "dev" and f"`{name}`" not in CONNECTING] == []


def test_the_tree_of_errors_in_the_glossary_is_that_of_the_code() -> None:
    sources = house.texts("cards", "service", suffix=".py")
    classes = dict(pair for text in sources.values() for pair in re.findall(r"^class (\w+Error)\((\w+)\)", text, re.M))
    drawn: dict[str, str] = {}
    above = ["Exception"]
    for stem, name in re.findall(r"^([│ ]*[├└]── )(\w+)", GLOSSARY, re.MULTILINE):
        above[len(stem) // 4 :] = [name]
        drawn[name] = above[-2]
    built_in = {name for name in drawn if name not in classes}
    assert built_in <= {"ValueError", "LookupError", "OSError", "RuntimeError"}
    assert {name: parent for name, parent in drawn.items() if name in classes} == classes


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_linked_exists(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([\w/.-]+)(?:#[\w-]+)?\)", PAGES[page])
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
