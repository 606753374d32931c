"""The command line in this process, where no process is what is tried: a start costs more than a second."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from service.command.cli import main


class Done(NamedTuple):
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str, folder: Path, said: str = "", **environment: str) -> Done:
    """A command's end in a folder. What the command does not catch itself is raised."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runner = CliRunner(env={"COLUMNS": "80", **environment})
        done = runner.invoke(main, words, input=said, prog_name="foot-drop-cds", catch_exceptions=False)
    return Done(done.exit_code, done.stdout, done.stderr)
