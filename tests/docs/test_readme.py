"""README tells the truth: its commands exist, and its worked example works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click import Command

from cards.rule_book import rule_book
from service import examples
from service.command.cli import main
from service.hooks import HOOKS, service_id
from service.settings import load
from tests.support.places import ROOT

RULES = rule_book().rules

README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, start: str) -> str:
    """The fenced block of a language that begins with these words."""
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(text for text in found if text.startswith(start))


def test_the_worked_example_of_a_rule_passes_its_own_cases(tmp_path: Path) -> None:
    """Two files are added to a copy; everything else finds the rule by itself."""
    for folder in ("cards", "service", "tests", "fhir_examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "cards" / "rules" / "falls_risk.py").write_text(
        block("python", '"""Foot drop in an older'), encoding="utf-8"
    )
    (tmp_path / "cards" / "rules" / "falls_risk.toml").write_text(block("toml", "[like.weak-left]"), encoding="utf-8")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/cards/rules/test_cases.py",
            "-k",
            "falls-risk",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"[7-9] passed", run.stdout), run.stdout


def test_every_rule_and_service_is_listed() -> None:
    assert [rule for rule in RULES if f"[{rule}](cards/rules/{rule.replace('-', '_')}.py)" not in README] == []
    assert [hook for hook in HOOKS if f"`{service_id(hook)}`" not in README] == []


def test_every_command_that_is_named_exists() -> None:
    commands: dict[str, Command] = main.commands  # type: ignore[attr-defined]
    named = set(re.findall(r"\.venv/bin/foot-drop-cds (\w+)", README)) | set(re.findall(r"^\| `(\w+)", README, re.M))
    assert named & set(commands) == named - {"foot"}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"`?make ([a-z]+)", README)) <= targets


def test_the_count_of_the_demo_is_the_count_of_the_examples() -> None:
    count = len(examples.names())
    assert f"`{count} of {count} answers are as expected.`" in README
    assert f"({count} patients: " in README
    for name in re.findall(r"foot-drop-cds example ([a-z-]+)", README):
        assert name in examples.names()


def test_the_settings_that_it_shows_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "foot-drop-cds.toml"
    file.write_text(block("toml", "# foot-drop-cds.toml"), encoding="utf-8")
    settings = load(file, {})
    assert settings.deadline_ms == 450
    assert "observation.mrc-ankle-dorsiflexion" in settings.codes


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!http)[\w/.-]+)\)", README))
def test_every_file_that_it_links_exists(path: str) -> None:
    assert (ROOT / path).exists()
