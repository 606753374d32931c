"""The command line in this process, for tests that are not about the process: starting one costs over a second."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from service.command.cli import main


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str, folder: Path, said: str = "", **environment: str) -> Done:
    """Run a command in a folder. An error that the command does not catch is raised."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runner = CliRunner(env={"COLUMNS": "80", **environment})
        done = runner.invoke(main, words, input=said, prog_name="foot-drop-cds", catch_exceptions=False)
    return Done(done.exit_code, done.stdout, done.stderr)
