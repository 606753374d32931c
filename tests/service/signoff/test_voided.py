"""In a copy of the tree: one threshold, case, code, row or text voids what was signed; another form does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.places import ROOT
from tests.support.sampling import one_in

RULE = "emg-ncs"
# In a place of its own, not installed, as a wheel would have it.
ASK = f"""
import cards
from cards.record.codes import Codes
from cards.rule_book import rule_book
from service.signoff.description import describe
print(cards.__file__)
print(describe(rule_book().rules[{RULE!r}], rule_book(), Codes()).sha256)
"""
CHANGES = {
    "a threshold of a finding": ("cards/findings/phrases.py", "timedelta(days=21)", "timedelta(days=20)"),
    "a case": ("cards/rules/emg_ncs.toml", "Onset 22 days ago", "Onset 23 days ago"),
    "a code": ("cards/value_sets/condition.foot-drop.toml", '"6077001"', '"6077002"'),
    "a row of the precedence": ("cards/rules/precedence.toml", 'drops = ["emg-ncs", ', "drops = ["),
    "a text of the rule": ("cards/rules/emg_ncs.py", "never delay imaging for it.", "do not delay imaging for it."),
    "a text of every card": ("service/wire/detail.py", "onset not stated", "onset not told"),
}  # fmt: skip


@cache
def digest(folder: Path | None = None) -> str:
    """What is signed of the rule, by the code in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder or ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    place, sha256 = done.stdout.splitlines()
    assert Path(place).is_relative_to(folder or ROOT)
    return sha256


def copy(folder: Path) -> Path:
    for room in ("cards", "service", "fhir_examples"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "*.json", "*.md"))
    return folder


@pytest.mark.parametrize("what", one_in(6, CHANGES, 4))
def test_a_change_voids_it(tmp_path: Path, what: str) -> None:
    path, old, new = CHANGES[what]
    file = copy(tmp_path) / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert digest(tmp_path) != digest()


@pytest.mark.long
def test_another_place_and_another_form_do_not(tmp_path: Path) -> None:
    """Every source is written anew, without a comment, by another line length."""
    for file in (copy(tmp_path) / "cards").rglob("*.py"):
        text = file.read_text(encoding="utf-8").replace("# fmt: skip", "")
        file.write_text(f"# another form\n{text}", encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-q", "--isolated", "--line-length", "60", "cards"],
        cwd=tmp_path,
        check=True,
    )
    assert digest(tmp_path) == digest()
