"""The bar of a command that takes over a second: on a terminal, and nowhere else."""

from __future__ import annotations

import time
from io import StringIO

import pytest
from rich.console import Console

from service.command import progress


def printed(*, is_terminal: bool, after_s: float, patch: pytest.MonkeyPatch, seconds: float = 0) -> str:
    """What is printed while two of three steps are done."""
    patch.setattr(progress, "AFTER_S", after_s)
    said = StringIO()
    console = Console(file=said, force_terminal=is_terminal, width=80)
    with progress.progress("Loading", 3, console) as advance:
        time.sleep(seconds)
        advance()
        advance()
        time.sleep(seconds)
    return said.getvalue()


def test_on_a_terminal_it_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(is_terminal=True, after_s=0, patch=monkeypatch, seconds=0.1)
    assert "Loading" in said
    assert "2/3" in said


def test_what_is_done_soon_needs_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(is_terminal=True, after_s=60, patch=monkeypatch) == ""


def test_in_a_file_or_a_pipe_nothing_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(is_terminal=False, after_s=0, patch=monkeypatch, seconds=0.05) == ""
