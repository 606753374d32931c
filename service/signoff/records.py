"""signoff.toml: who approved which rule as it was then, and who withdrew that. Read strictly, written by commands."""

from __future__ import annotations

import datetime
import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cards.record.words import printable
from service.errors import StartError

NO_SIGNATURE = "It is a record of approval, not an electronic signature in the sense of 21 CFR 11."
_HEAD = f"""# Which rules a clinician has approved, and who it was. Written by `foot-drop-cds signoff`.
# {NO_SIGNATURE}
"""

Line = Annotated[str, Field(min_length=1, max_length=200)]


class RefusedSignoffError(StartError):
    """The file of sign-offs cannot be used; the message names the file and the key, one line for each fault."""


def _one_line(text: str) -> str:
    if text != printable(text) or text != text.strip():
        raise ValueError("it is not one line of text")
    return text


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    rule: Line
    name: Line
    role: Line
    date: datetime.date

    _check_lines = field_validator("rule", "name", "role")(_one_line)


class Record(_Table):
    """One table [[signed]]: a rule as it was on the day when somebody approved it."""

    version: Line
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    package: Line
    body: Line
    conditions: Annotated[str, Field(max_length=2000)] = ""
    expires: datetime.date | None = None

    _check_more = field_validator("body", "conditions")(_one_line)

    @model_validator(mode="after")
    def _check_dates(self) -> Record:
        if self.expires is not None and self.expires < self.date:
            raise ValueError("it expires before it was signed")
        return self

    def is_expired(self, today: datetime.date) -> bool:
        """Whether its last day has passed."""
        return self.expires is not None and today > self.expires


class Withdrawal(_Table):
    """One table [[withdrawn]]: somebody takes back the first `approvals` approvals of a rule, and says why."""

    approvals: Annotated[int, Field(ge=1)]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]

    _check_more = field_validator("reason")(_one_line)


class Signoffs(BaseModel):
    """Everything that the file holds, in its order."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    signed: list[Record] = Field(default_factory=list)
    withdrawn: list[Withdrawal] = Field(default_factory=list)

    def newest(self) -> dict[str, Record]:
        """The newest record of each rule, which is the last in the file, whether or not it was withdrawn."""
        return {record.rule: record for record in self.signed}

    def approvals(self, rule: str) -> list[Record]:
        """The records of a rule; a new one does not replace the earlier ones."""
        return [record for record in self.signed if record.rule == rule]

    def withdrawal(self, record: Record) -> Withdrawal | None:
        """The newest withdrawal of an approval; None while it stands."""
        approvals = self.approvals(record.rule)
        number = max((place for place, one in enumerate(approvals, 1) if one == record), default=0)
        withdrawals = (one for one in self.withdrawn if one.rule == record.rule and one.approvals >= number)
        return max(withdrawals, key=lambda one: one.date, default=None)


def read(file: Path, today: datetime.date) -> Signoffs:
    """What the file holds; nothing if there is no file.

    A rule that is not known here may belong to an older or a newer version, and is read like any other. Raises
    RefusedSignoffError for anything else that is unknown, missing, or dated in the future.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))  # some editors write a mark before the text
    except FileNotFoundError:
        return Signoffs()
    except (OSError, UnicodeDecodeError):
        raise RefusedSignoffError(f"{file} cannot be read") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RefusedSignoffError(f"{file} is not TOML: {error}") from None
    try:
        signoffs = Signoffs.model_validate(document)
    except ValidationError as error:
        raise RefusedSignoffError("\n".join(_sentences(error, file, document))) from None
    if wrong := list(_wrong(signoffs, file, today)):
        raise RefusedSignoffError("\n".join(wrong))
    return signoffs


def _wrong(signoffs: Signoffs, file: Path, today: datetime.date) -> Iterator[str]:
    for name, tables in signoffs:
        for number, table in enumerate(tables, 1):
            if table.date > today:
                yield f"{file}: {name}.{number}.date: {table.date} is in the future"


def _sentences(error: ValidationError, file: Path, document: dict[str, Any]) -> Iterator[str]:
    for refused in error.errors(include_input=False, include_url=False):
        where = ".".join(str(part + 1) if isinstance(part, int) else part for part in refused["loc"])
        why = {
            "extra_forbidden": "there is no such key",
            "missing": "it is missing",
            "date_type": "it is not a date such as 2026-11-29, without quotes",
            "string_type": "it is not text",
            "int_type": "it is not a whole number",
            "string_pattern_mismatch": "it is not a SHA-256 in hexadecimal",
        }.get(refused["type"], refused["msg"].removeprefix("Value error, "))
        yield f"{file}: {printable(where)}: {why}"


def add(file: Path, record: Record | Withdrawal) -> None:
    """Append a record to the file, creating it if needed; earlier records stay. Raises RefusedSignoffError."""
    try:
        kept = file.resolve()  # a link to a file under version control stays a link
        text = kept.read_text(encoding="utf-8") if kept.exists() else _HEAD
        kept.parent.mkdir(parents=True, exist_ok=True)
        trial = kept.with_name(f"{kept.name}.new")
        trial.write_text(f"{text.rstrip()}\n\n{_table(record)}", encoding="utf-8")
        if kept.exists():
            shutil.copymode(kept, trial)  # so that the service, which is another user, can still read it
        trial.replace(kept)
    except OSError as error:
        raise RefusedSignoffError(f"{file} cannot be written: {error.strerror}") from None


def _table(record: Record | Withdrawal) -> str:
    values = {name: value for name, value in record if value not in (None, "")}
    lines = [
        # TOML's strings have the escapes of JSON; its dates have no quotes
        f"{name} = {value if isinstance(value, datetime.date) else json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    ]
    name = "signed" if isinstance(record, Record) else "withdrawn"
    return "\n".join([f"[[{name}]]", *lines, ""])
