"""docs/operations.md names every setting, every metric and every field of the log, and no others."""

from __future__ import annotations

import re

from service.middleware.log import FIELDS
from service.operations.metrics import METRICS, PREFIX
from service.running import Running
from tests.support.places import ROOT

TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def firsts(title: str) -> set[str]:
    """The names in the first column of the table below a title."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`([^`]+)`", " ".join(rows)))


def test_settings() -> None:
    assert firsts("Settings") == set(Running.model_fields)


def test_metrics() -> None:
    assert firsts("Metrics") == {f"{PREFIX}{family.name}" for family in METRICS.told()} | {f"{PREFIX}info"}


def test_fields_of_the_log() -> None:
    assert firsts("Log") == FIELDS
