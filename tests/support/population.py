"""An invented population as a Bulk Data export, with the same patients every time.

Most charts are ordinary; one in `foot_drop` holds a foot drop that begins at one of the last encounters. As a program:
`python -m tests.support.population FOLDER --patients 1000 --records 200`.
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
from typing import IO, Any

import click

from tests.bench import bodies, shapes
from tests.support import vignettes

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
Json = dict[str, Any]
_NUMBER, _SEX = "@number@", "@sex@"


def patient(number: int, records: int, encounters: int, foot_drop: int, shape: str) -> Iterator[Json]:
    """The records of one patient: about `records` of them, and the encounters in addition."""
    return (json.loads(line) for _, line in _lines(number, records, encounters, foot_drop, shape))


def _lines(number: int, records: int, encounters: int, foot_drop: int, shape: str) -> Iterator[tuple[str, str]]:
    """The records of one patient as lines, each with its type before it."""
    drawn = Random(number)
    has_drop = foot_drop > 0 and number % foot_drop == 0
    last = NOW - timedelta(days=drawn.randrange(60))
    for one in _visits(number, encounters, last, drawn):
        yield one["resourceType"], _compact(one)
    sex = "female" if number % 2 else "male"
    for kind, text in _chart(records, has_drop, last, shape):
        yield kind, text.replace(_NUMBER, str(number)).replace(_SEX, sex)


@cache
def _chart(records: int, has_drop: bool, last: datetime, shape: str) -> tuple[tuple[str, str], ...]:
    """The lines of a chart without its encounters; placeholders in them stand for the patient's number and sex."""
    request = vignettes.request(bodies.WITH if has_drop else bodies.WITHOUT, "patient-view", last)
    own = [one for one in bodies.resources_of(request) if one["resourceType"] != "Encounter"]
    own_lines = tuple((one["resourceType"], _compact(_renamed(one))) for one in own)
    return own_lines + _filling(shapes.records_of(shape, records) - len(own), shape)


@cache
def _filling(records: int, shape: str) -> tuple[tuple[str, str], ...]:
    filling = islice(shapes.CHARTS[shape](), max(records, 0))
    return tuple((one["resourceType"], _compact(_renamed(one))) for one in filling)


def _visits(number: int, encounters: int, last: datetime, drawn: Random) -> Iterator[Json]:
    for visit in range(encounters):
        start = last - timedelta(days=int(visit * 5 * 365 / max(encounters, 1)), hours=drawn.randrange(8))
        yield {
            "resourceType": "Encounter",
            "id": f"e{number}-{visit}",
            "status": "finished",
            "class": {"code": drawn.choice(["AMB", "AMB", "AMB", "EMER"])},
            "subject": {"reference": f"Patient/p{number}"},
            "period": {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()},
            "serviceProvider": {"reference": f"Organization/site{number % 3}"},
        }


def _renamed(one: Json) -> Json:
    if one["resourceType"] == "Patient":
        return one | {"id": f"p{_NUMBER}", "gender": _SEX}
    return one | {"id": f"{one['id'][:40]}-{_NUMBER}", "subject": {"reference": f"Patient/p{_NUMBER}"}}


def _compact(one: Json) -> str:
    return json.dumps(one, separators=(",", ":"))


def write(
    folder: Path, patients: int, *, records: int = 200, encounters: int = 10, foot_drop: int = 20, shape: str = "mixed"
) -> None:
    """Write an export with a file for each resource type."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, IO[str]] = {}
    pending: defaultdict[str, list[str]] = defaultdict(list)
    try:
        for number in range(patients):
            for kind, line in _lines(number, records, encounters, foot_drop, shape):
                pending[kind].append(line)
            for kind, lines in pending.items():
                if kind not in files:
                    files[kind] = (folder / f"{kind}.ndjson").open("w", encoding="utf-8")
                files[kind].write("".join(f"{line}\n" for line in lines))
                lines.clear()
    finally:
        for file in files.values():
            file.close()


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--patients", default=1000)
@click.option("--records", default=200)
@click.option("--encounters", default=10)
@click.option("--foot-drop", default=20, help="One patient in so many has foot drop; 0: none.")
@click.option("--shape", type=click.Choice(shapes.SHAPES), default=shapes.MIXED)
def main(folder: Path, patients: int, records: int, encounters: int, foot_drop: int, shape: str) -> None:
    """Write an invented export to FOLDER."""
    write(folder, patients, records=records, encounters=encounters, foot_drop=foot_drop, shape=shape)


if __name__ == "__main__":
    main()
