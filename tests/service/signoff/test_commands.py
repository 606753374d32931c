"""`signoff show`, `add` and `list`, and what `serve` says of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.server import signed
from service.settings import load
from tests.support.answered import RULES
from tests.support.commands import Done, run

APPROVED = ["--name", "A. Clinician", "--role", "Consultant", "--body", "Example Hospital"]


def test_all_that_is_to_be_read_fits_80_columns(tmp_path: Path) -> None:
    shown = run("signoff", "show", "emg-ncs", folder=tmp_path)
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    told = " ".join(shown.stdout.split())
    assert "Sign-off: unsigned It is a record of approval, not an electronic signature in the sense of 21 CFR" in told
    for said in (
        # a case, a text with an example, a threshold with its remark, a departure, a limit, a code
        "- Onset 21 days ago: the study is due today (info)",
        "- about {when} ({weeks} from today) e.g. about 2026-03-23 (3 weeks from today) (example: ",
        "- findings.phrases.DENERVATION DENERVATION = timedelta(days=21)",
        "D99 Mimics, one line each on lumbar-mri and emg-ncs",
        "Does not count:",
        "Foot-drop (finding)",
    ):
        assert said in told, said


def test_what_is_added_is_listed_and_shown(tmp_path: Path) -> None:
    added = run(
        "signoff", "add", "afo", *APPROVED, "--conditions", "Adults alone.", "--expires", "2999-01-01", folder=tmp_path
    )
    assert added.returncode == 0
    today = datetime.now(UTC).date()
    by = f"Version 2.0.0 was approved by A. Clinician, Consultant, for Example Hospital on {today} until 2999-01-01"
    assert by in added.stdout
    assert "not an electronic signature in the sense of 21 CFR 11" in added.stdout
    listed = run("signoff", "list", folder=tmp_path).stdout.splitlines()
    signed_now = f"1 of {len(RULES)} rules are signed; the other {len(RULES) - 1} run in shadow"
    assert listed[0] == f"{signed_now}: evaluated, but not shown"
    assert "afo 2.0.0: signed" in listed
    assert "Conditions: Adults alone." in " ".join(" ".join(listed).split())
    shown = " ".join(run("signoff", "show", "afo", folder=tmp_path).stdout.split())
    assert "WHAT HAS CHANGED SINCE IT WAS SIGNED Nothing." in shown
    assert signed(load(None, {"FOOT_DROP_CDS_SIGNOFF_FILE": str(tmp_path / "signoff.toml")})) == listed[:1]


def test_what_changed_is_shown_as_a_diff_of_cases_and_words(tmp_path: Path) -> None:
    run("signoff", "add", "afo", *APPROVED, folder=tmp_path)
    (kept,) = (tmp_path / "signoff").iterdir()
    (tmp_path / "foot-drop-cds.toml").write_text('[codes."condition.foot-drop"]\n"urn:site" = ["FD1"]\n')
    listed = " ".join(run("signoff", "list", folder=tmp_path).stdout.split())
    assert "afo 2.0.0: void, what was signed has changed since (foot-drop-cds signoff show afo)" in listed
    shown = " ".join(run("signoff", "show", "afo", folder=tmp_path).stdout.split())
    assert '+ condition.foot-drop: site condition.foot-drop {"urn:site":["FD1"]}' in shown
    kept.write_text(kept.read_text().replace("Foot-drop (finding)", "Foot drop"))
    shown = " ".join(run("signoff", "show", "afo", folder=tmp_path).stdout.split())
    assert "There is no copy of what was signed next to the sign-offs, so nothing can be compared." in shown


@pytest.mark.long
def test_an_approval_is_withdrawn_and_the_record_of_both_is_kept(tmp_path: Path) -> None:
    def withdraw(*words: str) -> Done:
        by = ["--name", "B. Chair", "--role", "Chair of the board", "--reason"]
        return run("signoff", "withdraw", "afo", *by, *(words or ["Wrong side."]), folder=tmp_path)

    assert withdraw().stderr == "foot-drop-cds: nobody has approved afo: there is nothing to withdraw\n"
    run("signoff", "add", "afo", *APPROVED, folder=tmp_path)
    assert withdraw(" ").stderr == "foot-drop-cds: reason: it is not one line of text\n"
    done = withdraw()
    today = datetime.now(UTC).date()
    by = f"by B. Chair, Chair of the board, on {today}: Wrong side."
    assert done.returncode == 0, done.stderr
    assert f"afo: the approval is withdrawn {by}" in done.stdout
    assert "takes it up within 60 seconds: the rule then runs in shadow." in done.stdout
    listed = run("signoff", "list", folder=tmp_path).stdout
    assert listed.startswith(f"0 of {len(RULES)} rules are signed; all run in shadow")
    for words in (["list"], ["show", "afo"]):
        told = " ".join(run("signoff", *words, folder=tmp_path).stdout.split())
        assert f"withdrawn, {by} Version 2.0.0 was approved by A. Clinician" in told
    serving = list(signed(load(None, {"FOOT_DROP_CDS_SIGNOFF_FILE": str(tmp_path / "signoff.toml")})))
    assert serving[1:] == [f"The sign-off of afo is withdrawn: {by}"]
    assert withdraw().stderr == f"foot-drop-cds: the approval of afo was withdrawn by B. Chair on {today}\n"
    run("signoff", "add", "afo", *APPROVED, folder=tmp_path)
    assert "afo 2.0.0: signed" in run("signoff", "list", folder=tmp_path).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--body", "  "], "body: it is not one line of text"),
        (["--expires", "2020-01-01"], "expires: it expires before it was signed"),
    ],
)
def test_what_would_be_refused_is_not_written(tmp_path: Path, words: list[str], said: str) -> None:
    done = run("signoff", "add", "afo", *APPROVED, *words, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"foot-drop-cds: {said}\n"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_rule_is_named(tmp_path: Path) -> None:
    done = run("signoff", "show", "afoo", folder=tmp_path)
    assert done.returncode == 2
    assert "there is no rule afoo: see `signoff list`" in done.stderr


def test_a_file_that_is_refused_says_each_fault_in_a_line(tmp_path: Path) -> None:
    run("signoff", "add", "afo", *APPROVED, folder=tmp_path)
    file = tmp_path / "signoff.toml"
    file.write_text(re.sub("date = .*", 'date = "today"\nseal = 1', file.read_text()))
    for words in (["list"], ["add", "afo", *APPROVED]):
        done = run("signoff", *words, folder=tmp_path)
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            "foot-drop-cds: signoff.toml: signed.1.date: it is not a date such as 2026-11-29, without quotes",
            "signoff.toml: signed.1.seal: there is no such key",
        ]
