"""Eleven patients as an export, few enough to count by hand what the report of a backtest must say.

Six women of 64 with a foot drop on the problem list come to `north` at 10 and at 12 on 11 March 2025, on the 20th and
on 20 April; lumbar MRI is ordered for two of them each on 12, 14 and 18 March. One man of 74 with a foot drop comes
once, in March, to a site with a hostile name; nothing is ordered for him. Three men of 34 come there once, in April,
with a foot drop under a code that no value set holds. One woman of 64 comes to `north` once, in April: her weak
dorsiflexion has no date.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support import exports, vignettes

Json = dict[str, Any]
Told = dict[tuple[str, str, str, str, str], str]
"""The values of a report in CSV, by what they are about, rule, indicator, name and measure."""
HOSTILE = '<script>alert("1")</script>=1+1'
LOCAL = "https://hospital.example/problems"
ABSENT = "AllergyIntolerance"
ORDERED = ("2025-03-12", "2025-03-14", "2025-03-18")
VISITS = ("2025-03-11T10:00:00Z", "2025-03-11T12:00:00Z", "2025-03-20T10:00:00Z", "2025-04-20T10:00:00Z")
APRIL = "2025-04-10T10:00:00Z"
NORTH: Json = {"serviceProvider": {"reference": "Organization/north"}}
THERE: Json = {"serviceProvider": {"display": HOSTILE}}
WITH_CODES = f'[codes."condition.foot-drop"]\n"{LOCAL}" = ["N-4711"]\n'
EXACT = "report_small_counts = 1\n"


def records() -> list[Json]:
    """The records of all eleven."""
    written: list[Json] = []
    for number in range(6):
        order = vignettes.records({"serviceRequests": [{"code": "mri-lumbar"}]}, datetime.now(UTC))["orders"][0]
        written += _person(f"woman-{number}", "female", "1960-05-01", [exports.FOOT_DROP], VISITS, NORTH)
        written.append(_of(f"woman-{number}", order | {"authoredOn": ORDERED[number // 2]}))
    written += _person("alone", "male", "1950-05-01", [exports.FOOT_DROP], VISITS[:1], THERE)
    coded = {"coding": [{"system": LOCAL, "code": "N-4711", "display": "Footdrop"}]}
    for number in range(3):
        own = exports.FOOT_DROP | {"id": "local", "code": coded, "recordedDate": "2025-04-01T09:00:00Z"}
        written += _person(f"man-{number}", "male", "1990-05-01", [own], [APRIL], THERE)
    weak = {"observations": [{"code": "mrc-ankle-dorsiflexion", "value": 2, "side": "left"}]}
    weakness = vignettes.records(weak, datetime.now(UTC))["observations"]
    return written + _person("undated", "female", "1960-05-01", weakness, [APRIL], NORTH)


def _person(
    name: str, sex: str, born: str, own: list[Json], visits: list[str] | tuple[str, ...], site: Json
) -> list[Json]:
    person = {"resourceType": "Patient", "id": name, "gender": sex, "birthDate": born}
    encounters = [exports.visit(number, start, **site) for number, start in enumerate(visits)]
    return [person, *(_of(name, one) for one in (*own, *encounters))]


def _of(name: str, one: Json) -> Json:
    return one | {"id": f"{name}.{one['id']}", "subject": {"reference": f"Patient/{name}"}}


def write(folder: Path) -> Path:
    """Write the export, which lacks one type and has two broken lines."""
    export = exports.write_whole(folder, records())
    (export / f"{ABSENT}.ndjson").unlink()
    (export / "broken.ndjson").write_text('{\nno JSON\n{"resourceType": "Wish"}\n', encoding="utf-8")
    return export


def told(out: Path) -> Told:
    """The report in a folder."""
    with (out / "report").with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    values = {(row["about"], row["rule"], row["indicator"], row["name"], row["measure"]): row["value"] for row in rows}
    assert len(values) == len(rows)
    return values
