"""An invented hospital as a Bulk Data export, with everything that a committee's report should show; always the same.

One patient in twenty is a vignette with foot drop, who comes back, and for whom something is ordered earlier, later or
never. One in two hundred has a foot drop under a code that no value set holds. No allergy is on record, and a few
lines are broken. As a program: `python -m tests.support.example_population FOLDER --patients 1000`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import click

from tests.bench import bodies, shapes
from tests.support import vignettes
from tests.support.places import DATA

Json = dict[str, Any]
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
FOOT_DROP = 20  # one patient in this many
UNKNOWN_CODE = 200
DAYS = 700  # in which the patients come
COMES_BACK = (1, 6, 12, 45)  # days later
SITES = ["Organization/north"] * 5 + ["Organization/harbour"] * 3 + ["Organization/hill", "Organization/airport"]
ORDERED = ("mri-lumbar", "afo", "emg-ncs", "physiotherapy-referral")
ORDERED_AFTER = (-9, -2, 0, 0, 1, 3, 8, 20)  # days
_LEFT_OUT = "AllergyIntolerance"
_WHOSE, _OWN = "Patient/p1", "@own@"
_POOL = 3_000  # different ordinary records
_UNDATED: Json = {
    "patient": {"age": 58, "sex": "female"},
    "observations": [{"code": "mrc-ankle-dorsiflexion", "value": 2, "side": "left"}],
}
_BROKEN = (
    "{",
    "no JSON at all",
    '"a text"',
    '{"resourceType": "Condition", "id": "nobodys"}',
    '{"resourceType": "Wish"}',
)


def patient(number: int, records: int) -> Iterator[str]:
    """The lines of one patient."""
    drawn = Random(number)
    has_drop = number % FOOT_DROP == 0
    first = NOW - timedelta(days=drawn.randrange(60, DAYS), minutes=drawn.randrange(480))
    facts = drawn.choice(_courses()) if has_drop else {"patient": {"age": _age(drawn), "sex": _sex(drawn)}}
    written = vignettes.records(facts, first)
    own = [one for key, ones in written.items() if key != "encounter" for one in ones]
    if has_drop and drawn.random() < 0.6:
        own += _orders(drawn, first)
    if number % UNKNOWN_CODE == 1:
        own.append(_in_local_code(first))
    after = drawn.sample(COMES_BACK, drawn.randrange(len(COMES_BACK) + 1)) if has_drop else []
    before = [-drawn.randrange(1, 400) for _ in range(drawn.randrange(1, 6))]
    own += [_visit(visit, first, day, drawn) for visit, day in enumerate(sorted([0, *after, *before]))]
    start = drawn.randrange(_POOL)
    ordinary = [_pool()[(start + place) % _POOL] for place in range(records)]
    for line in (
        *(json.dumps(one, separators=(",", ":")) for one in own if one["resourceType"] != _LEFT_OUT),
        *ordinary,
    ):
        yield _named(line, number)


def _named(line: str, number: int) -> str:
    named = line.replace(f'"{_WHOSE}"', f'"Patient/p{number}"').replace(_OWN, str(number))
    if '"id":"p1"' in named:
        return named.replace('"id":"p1"', f'"id":"p{number}"')
    return named.replace('"id":"', f'"id":"{number}-', 1)


@cache
def _courses() -> list[Json]:
    every = json.loads((DATA / "vignettes.json").read_text(encoding="utf-8"))
    return [*(one["facts"] for one in every if one["hook"] == "patient-view"), *[_UNDATED] * 5]


@cache
def _pool() -> list[str]:
    records = [
        {name: value for name, value in one.items() if name not in ("text", "contained")} | {"subject": bodies.SUBJECT}
        for one in islice(shapes.CHARTS[shapes.MIXED](), _POOL)
    ]
    return [json.dumps({"id": one["id"][:30]} | one, separators=(",", ":")) for one in records]


def _age(drawn: Random) -> int:
    return min(int(drawn.triangular(18, 96, 62)), 95)


def _sex(drawn: Random) -> str:
    return drawn.choice(("female", "female", "female", "male", "male", "other"))


def _orders(drawn: Random, first: datetime) -> list[Json]:
    at = first + timedelta(days=drawn.choice(ORDERED_AFTER), minutes=30)
    ordered = [{"code": code, "daysAgo": 0} for code in drawn.sample(ORDERED, drawn.randrange(1, 4))]
    return [
        one | {"id": f"ordered-{place}", "authoredOn": at.isoformat()}
        for place, one in enumerate(vignettes.records({"serviceRequests": ordered}, at)["orders"])
    ]


def _in_local_code(first: datetime) -> Json:
    return {
        "resourceType": "Condition",
        "id": "local",
        "subject": bodies.SUBJECT,
        "code": {"coding": [{"system": "https://hospital.example/problems", "code": "N-4711", "display": "Footdrop"}]},
        "recordedDate": first.isoformat(),
    }


def _visit(visit: int, first: datetime, day: int, drawn: Random) -> Json:
    start = first + timedelta(days=day)
    return {
        "resourceType": "Encounter",
        "id": f"visit-{visit}",
        "status": "finished",
        "class": {"code": drawn.choice(["AMB", "AMB", "AMB", "EMER"])},
        "subject": bodies.SUBJECT,
        "period": {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()},
        "serviceProvider": {"reference": drawn.choice(SITES)},
    }


def write(folder: Path, patients: int, *, records: int = 30) -> Path:
    """Write an export with a file for each resource type."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.ndjson").write_text("".join(f"{line}\n" for line in _BROKEN), encoding="utf-8")
    for begin in range(0, patients, 1_000):
        pending: defaultdict[str, list[str]] = defaultdict(list)
        for number in range(begin, min(begin + 1_000, patients)):
            for line in patient(number, records):
                pending[_kind(line)].append(line)
        for kind, lines in pending.items():
            with (folder / f"{kind}.ndjson").open("a" if begin else "w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
    return folder


def _kind(line: str) -> str:
    return line.partition('"resourceType":"')[2].partition('"')[0]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--patients", default=1000)
@click.option("--records", default=30, help="Ordinary records of a patient, beside those of the course.")
def main(folder: Path, patients: int, records: int) -> None:
    """Write an invented export to FOLDER."""
    write(folder, patients, records=records)


if __name__ == "__main__":
    main()
