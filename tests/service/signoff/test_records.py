"""signoff.toml is read strictly: each fault is one sentence that names the file and the key."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from service.signoff.records import Record, RefusedSignoffError, Signoffs, Withdrawal, add, read

NO_DATE = "it is not a date such as 2026-11-29, without quotes"
TODAY = date(2026, 3, 2)
RECORD = Record(
    rule="afo",
    version="2.0.0",
    sha256="0" * 64,
    package="0.1.0",
    name='A. "Q" Clinician',
    role="Consultant",
    body="Example Hospital",
    date=date(2026, 3, 1),
    expires=date(2027, 3, 1),
)


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    file = folder / "signoff.toml"
    file.unlink(missing_ok=True)
    add(file, RECORD)
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_added_is_read_and_the_newest_record_counts(tmp_path: Path) -> None:
    file = written(tmp_path)
    later = RECORD.model_copy(update={"version": "2.1.0", "expires": None, "conditions": "Adults alone."})
    add(file, later)
    assert read(file, TODAY).newest() == {"afo": later}
    assert file.read_text(encoding="utf-8").count("[[signed]]") == 2


def test_a_file_that_is_kept_elsewhere_stays_there_and_may_be_read_by_whom_it_was(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    kept = written(tmp_path / "repository")
    kept.chmod(0o640)
    link = tmp_path / "signoff.toml"
    link.symlink_to(kept)
    add(link, RECORD)
    assert link.is_symlink()
    assert (stat.S_IMODE(kept.stat().st_mode), kept.read_text(encoding="utf-8").count("[[signed]]")) == (0o640, 2)


def test_the_mark_that_some_editors_put_before_a_text_does_no_harm(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert read(file, TODAY).newest() == {"afo": RECORD}
    add(file, RECORD)
    assert read(file, TODAY).newest() == {"afo": RECORD}


def test_without_a_file_nobody_has_signed(tmp_path: Path) -> None:
    assert read(tmp_path / "signoff.toml", TODAY) == Signoffs()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('role = "C', 'rank = "C'), "signed.1.role: it is missing\nsigned.1.rank: there is no such key"),
        (("date = 2026-03-01", 'date = "then"'), f"signed.1.date: {NO_DATE}"),
        (("date = 2026-03-01", "date = 2026-03-03"), "signed.1.date: 2026-03-03 is in the future"),
        (("expires = 2027-03-01", "expires = 2026-02-01"), "signed.1: it expires before it was signed"),
        (("2027-03-01", "2027-03-01T10:00:00"), f"signed.1.expires: {NO_DATE}"),
        (('rule = "afo"', 'rule = "a\\nfo"'), "signed.1.rule: it is not one line of text"),
        (("0" * 64, "0" * 63), "signed.1.sha256: it is not a SHA-256 in hexadecimal"),
        (("[[signed]]", "[[sign]]"), "sign: there is no such key"),
        (('name = "A.', 'name = "A.\\n'), "signed.1.name: it is not one line of text"),
    ],
)  # fmt: skip
def test_each_fault_is_a_sentence(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    file = written(tmp_path, change)
    with pytest.raises(RefusedSignoffError) as refused:
        read(file, TODAY)
    assert str(refused.value).splitlines() == [f"{file}: {line}" for line in said.splitlines()]


def test_what_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedSignoffError, match="is not TOML"):
        read(written(tmp_path, ("[[signed]]", "[[signed")), TODAY)
    (tmp_path / "signoff.toml").write_bytes(b"\xff")
    with pytest.raises(RefusedSignoffError, match="cannot be read"):
        read(tmp_path / "signoff.toml", TODAY)


def test_a_withdrawal_holds_for_the_approvals_before_it_alone(tmp_path: Path) -> None:
    file = written(tmp_path)
    withdrawal = Withdrawal(
        rule="afo", name="B. Chair", role="Chair", date=TODAY, approvals=1, reason='It said "both".'
    )
    add(file, withdrawal)
    assert read(file, TODAY).withdrawal(RECORD) == withdrawal
    later = RECORD.model_copy(update={"date": TODAY})
    add(file, later)
    signoffs = read(file, TODAY)
    assert (signoffs.newest()["afo"], signoffs.withdrawal(later)) == (later, None)
    assert signoffs.withdrawal(RECORD) == withdrawal
    assert file.read_text(encoding="utf-8").count("[[") == 3
