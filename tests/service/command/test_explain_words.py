"""What `explain` says of keys that were not seen and of records that were left out, in words and as JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.command.cli import main
from tests.support import vignettes
from tests.support.commands import run
from tests.support.patients import FOOT_DROP, NOW

Json = dict[str, Any]


def request() -> Json:
    """A patient of whom two keys are missing, two hold something else, one record is nobody's and one undated."""
    asked = vignettes.request({**FOOT_DROP, "encounter": None}, "patient-view", NOW, drop={"orders", "devices"})
    asked["prefetch"]["medications"] = {
        "resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}],
    }  # fmt: skip
    asked["prefetch"]["statements"] = "<html>"
    conditions = asked["prefetch"]["conditions"]["entry"]
    code = conditions[0]["resource"]["code"]
    conditions.append({"resource": {"resourceType": "Condition", "id": "of-nobody", "code": code}})
    subject = {"reference": "Patient/p1"}
    conditions.append({"resource": {"resourceType": "Condition", "id": "undated", "code": code, "subject": subject}})
    return asked


def explained(tmp_path: Path, asked: Json, *words: str) -> str:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(asked))
    done = CliRunner(env={"COLUMNS": "400"}).invoke(main, ["explain", str(file), "--now", NOW.isoformat(), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


NOT_SEEN = ["devices", "encounter", "medications", "orders", "statements"]


def test_as_json_each_key_and_each_record_is_named(tmp_path: Path) -> None:
    said = json.loads(explained(tmp_path, request(), "--format", "json"))
    assert said["notSeen"] == NOT_SEEN
    unreadable = {(each["where"], each["element"]): (each["dropped"], each["why"]) for each in said["unreadable"]}
    assert {place: dropped for place, (dropped, _) in unreadable.items()} == {
        ("statements", ""): True,
        ("Condition/of-nobody", "subject"): True,
        ("Condition/undated", "onset"): False,
    }
    assert all(why.strip() for _, why in unreadable.values())


def test_in_words_each_key_is_named_with_the_reason(tmp_path: Path) -> None:
    lines = explained(tmp_path, request()).splitlines()
    unseen = [line.removeprefix("not seen ") for line in lines if line.startswith("not seen ")]
    assert [line.partition(":")[0] for line in unseen] == NOT_SEEN
    reasons = {key: why.strip() for key, _, why in (line.partition(":") for line in unseen)}
    assert "FHIR server" in reasons["orders"]
    assert "FHIR server" in reasons["devices"]
    assert "forbidden" in reasons["medications"]
    assert reasons["encounter"] == "", "there is no encounter to ask for"


def test_in_words_each_record_is_named_and_whether_it_is_left_out(tmp_path: Path) -> None:
    lines = explained(tmp_path, request()).splitlines()
    unreadable = [line.removeprefix("unreadable ") for line in lines if line.startswith("unreadable ")]
    left_out = [line for line in unreadable if line.endswith("(left out)")]
    assert [line.split()[:2] for line in unreadable if line not in left_out] == [["Condition/undated", "onset"]]
    assert sorted(line.split()[0] for line in left_out) == ["Condition/of-nobody", "statements"]
    assert all(len(line.split()) > 3 for line in unreadable), "each says why"


def test_of_a_full_and_readable_request_nothing_is_said_to_be_missing(tmp_path: Path) -> None:
    asked = vignettes.request({**FOOT_DROP, "encounter": {"class": "AMB"}}, "patient-view", NOW)
    said = json.loads(explained(tmp_path, asked, "--format", "json"))
    assert (said["notSeen"], said["unreadable"]) == ([], [])
    words = explained(tmp_path, asked)
    assert "not seen " not in words
    assert "unreadable " not in words


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_evidence_of_a_card_is_printed(tmp_path: Path, form: str) -> None:
    said = explained(tmp_path, request(), "--format", form)
    for words in ("Observation/observation-1", "2026-03-01", "right", "Ankle dorsiflexion 2/5"):
        assert words in said
    undated = r"no date +Foot drop Condition/undated" if form == "text" else '"date": ""'
    assert re.search(undated, said)


def test_a_card_that_was_kept_back_is_told_in_json_with_its_indicator_and_evidence(tmp_path: Path) -> None:
    saddle = {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0}
    asked = vignettes.request(FOOT_DROP | {"observations": [*FOOT_DROP["observations"], saddle]}, "patient-view", NOW)
    verdicts = {each["rule"]: each for each in json.loads(explained(tmp_path, asked, "--format", "json"))["verdicts"]}
    kept = verdicts["lumbar-mri"]
    assert (kept["outcome"], kept["indicator"]) == ("suppressed", "warning")
    assert kept["summary"]
    assert "cauda-equina-emergency" in kept["why"]
    assert {fact["reference"] for fact in kept["because"]} >= {"Condition/condition-1"}
    words = explained(tmp_path, asked)
    assert re.search(r"warning +lumbar-mri *\n +the cauda-equina-emergency card asks .*\n +Its card: ", words)
    silent = verdicts["neuraxis-mri"]
    assert (silent["outcome"], silent["indicator"], silent["summary"]) == ("not-applicable", None, None)


def test_cards_come_first_then_what_is_silent_and_all_fits_a_window_of_80_columns(tmp_path: Path) -> None:
    saddle = {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0}
    asked = vignettes.request(FOOT_DROP | {"observations": [*FOOT_DROP["observations"], saddle]}, "patient-view", NOW)
    (tmp_path / "request.json").write_text(json.dumps(asked))
    said = run("explain", "request.json", "--now", NOW.isoformat(), folder=tmp_path).stdout
    lines = said.splitlines()
    assert max(map(len, lines)) <= 80
    verdicts = json.loads(explained(tmp_path, asked, "--format", "json"))["verdicts"]
    counts = Counter(verdict["outcome"] for verdict in verdicts)
    heads = [line for line in lines if re.fullmatch(r"[A-Z][a-z, ]+: \d+", line)]
    assert heads == [
        f"Cards: {counts['card']}",
        f"Suppressed, and by what: {counts['suppressed']}",
        f"Not applicable: {counts['not-applicable']}",
    ]
    assert said.index(" CRITICAL  cauda-equina-emergency") < said.index("Suppressed")
    for verdict in verdicts:
        if verdict["outcome"] == "not-applicable":
            assert len([line for line in lines if line.startswith(f"{verdict['rule']} ")]) == 1, "one line each"
