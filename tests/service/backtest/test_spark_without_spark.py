"""What is said where Spark is not asked for, or is not there; and that packing lines changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.exports import BORN, FOOT_DROP, backtest, visit, write


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--engine", "spark", "--resume"], "--resume is only for the engine of one machine"),
        (["--engine", "spark", "--processes", "2"], "--processes is only for the engine of one machine"),
        (["--engine", "spark", "--memory", "2GB"], "--memory is only for the engine of one machine"),
        (["--master", "yarn"], "--master needs --engine spark"),
        (["--conf", "spark.executor.memory=4g"], "--conf needs --engine spark"),
        (["--engine", "spark", "--conf", "memory=4g"], "is not a Spark setting"),
        (["--out", "s3://bucket/result"], "--out must be a folder of this machine"),
    ],
)
def test_options_of_the_other_engine_are_refused(tmp_path: Path, options: list[str], words: str) -> None:
    done = backtest(tmp_path, "export", *options, processes=None)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())


def test_without_pyspark_the_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "export", [BORN, FOOT_DROP, visit(1, "2025-03-11T10:00:00Z")])
    for name in [name for name in sys.modules if name.startswith("service.backtest.spark.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("pyspark", "py4j"):
        monkeypatch.setitem(sys.modules, name, None)
    done = backtest(tmp_path, "export", "--engine", "spark", "--master", "local[1]", processes=None)
    assert done.returncode == 1
    assert "pip install 'foot-drop-cds[backtest,spark]'" in done.stderr
