"""The vocabulary of the case files: the schema for editors, the page that explains it, the reader that runs them."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from service.hooks import HOOKS
from tests.support import cases, vignettes
from tests.support.places import DOCS, ROOT

SCHEMA = json.loads((DOCS / "cases.schema.json").read_text(encoding="utf-8"))
PAGE = (DOCS / "cases.md").read_text(encoding="utf-8")
FILES = [path for folder in (cases.RULES, cases.FINDINGS) for _, path in cases.files(folder)]

PLAIN = """
[like.weak]
observations = [{ code = "mrc-ankle-dorsiflexion", value = 2, daysAgo = 1, side = "left" }]
[[case]]
name = "A case"
like = "weak"
conditions = [{ code = "foot-drop", onsetHoursAgo = 3 }]
silent = { kind = "suppressed", why = "because" }
"""


def faults(text: str) -> list[str]:
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text))]


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_case_file_is_valid(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("observations", "observation"),
        ("conditions", "problems"),
        ("daysAgo", "dayAgo"),
        ("onsetHoursAgo", "onsetHours"),
        ("onsetHoursAgo = 3", 'onsetHoursAgo = "3"'),
        ("onsetHoursAgo = 3", "onsetHoursAgo = 3, onsetDaysAgo = 1"),
        ('"left"', '"links"'),
        ('"suppressed"', '"supressed"'),
        ("why", "because"),
        ('like = "weak"', 'unlike = "weak"'),
        ('like = "weak"', 'hook = "patient-viewed"'),
        ('like = "weak"', 'unseen = ["order"]'),
        ('like = "weak"', 'card = "warning"'),
        ('silent = { kind = "suppressed", why = "because" }', ""),
        ('silent = { kind = "suppressed", why = "because" }', 'card = "urgent"'),
        ('silent = { kind = "suppressed", why = "because" }', 'card = { summary = "no indicator" }'),
        ('name = "A case"', ""),
    ],
)
def test_what_is_misspelt_is_refused(right: str, wrong: str) -> None:
    assert faults(PLAIN) == []
    assert right in PLAIN
    assert faults(PLAIN.replace(right, wrong))


def test_the_schema_knows_what_the_reader_knows() -> None:
    of_a_case = SCHEMA["properties"]["case"]["items"]["properties"]
    own = of_a_case.keys() - cases.FACTS
    assert of_a_case.keys() >= cases.FACTS
    assert own == {"name", "like", "hook", "unseen", "card", "silent", "finding", "is", "dates-only"}
    assert SCHEMA["definitions"]["hook"]["enum"] == list(HOOKS)
    assert SCHEMA["definitions"]["prefetchKey"]["enum"] == list(vignettes.PREFETCH_KEYS)


def test_the_page_names_every_member() -> None:
    def members(part: Any) -> set[str]:
        if isinstance(part, list):
            return {name for item in part for name in members(item)}
        if not isinstance(part, dict):
            return set()
        return {*part.get("properties", {}), *(name for item in part.values() for name in members(item))}

    named = set(re.findall(r"`([A-Za-z-]+)`", PAGE)) | {"code", "case", "like"}
    assert members(SCHEMA) - named == set()


def test_the_case_of_the_page_is_valid() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert faults(block) == []


def test_editors_use_the_schema_for_the_case_files_and_for_no_other() -> None:
    (rule,) = tomllib.loads((ROOT / ".taplo.toml").read_text(encoding="utf-8"))["rule"]
    assert ROOT / rule["schema"]["path"] == DOCS / "cases.schema.json"
    included = {path for pattern in rule["include"] for path in ROOT.glob(pattern)}
    assert included - {ROOT / name for name in rule["exclude"]} == set(FILES)


# ---- times ----


def one_case(tmp_path: Path, facts: str) -> cases.Case:
    path = tmp_path / "made_up.toml"
    path.write_text(f'[[case]]\nname = "A case"\n{facts}\nsilent = ""\n', encoding="utf-8")
    (case,) = cases.read(path)
    return case


@pytest.mark.parametrize(
    ("given", "in_days"),
    [
        ("daysAgo = 14", {"daysAgo": 14}),
        ("hoursAgo = 36", {"daysAgo": 1.5}),
        ("minutesAgo = 60", {"daysAgo": 1 / 24}),
        ("hoursAgo = -6", {"daysAgo": -0.25}),
        ("value = 1", {"value": 1}),
    ],
)
def test_a_time_may_be_given_in_days_hours_or_minutes(tmp_path: Path, given: str, in_days: dict[str, float]) -> None:
    case = one_case(tmp_path, f'observations = [{{ code = "slr", {given} }}]')
    assert case["observations"] == [{"code": "slr", **in_days}]


def test_an_hour_ago_is_written_to_the_second(tmp_path: Path) -> None:
    case = one_case(tmp_path, 'observations = [{ code = "slr", value = "positive", minutesAgo = 60 }]')
    (reading,) = cases.chart(case, "patient-view").readings("slr")
    assert reading.when is not None
    assert reading.when.instant == cases.NOW - timedelta(hours=1)


def test_an_onset_may_be_given_in_hours(tmp_path: Path) -> None:
    case = one_case(tmp_path, 'conditions = [{ code = "foot-drop", onsetHoursAgo = 48 }]')
    assert case["conditions"] == [{"code": "foot-drop", "onsetDaysAgo": 2}]


def test_a_fact_that_says_twice_when_it_was_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="slr says twice when it was: daysAgo, hoursAgo"):
        one_case(tmp_path, 'observations = [{ code = "slr", daysAgo = 1, hoursAgo = 3 }]')
