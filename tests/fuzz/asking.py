"""Posts mutated bodies to the application, and keeps those whose answer is wrong."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flask.testing import FlaskClient

from service.hooks import service_id
from tests.fuzz.bodies import eight, requests
from tests.fuzz.judging import reply_faults
from tests.fuzz.mutations import gaps, mutated
from tests.fuzz.values import VALUES

KEPT = Path("build/fuzz")

Asked = tuple[str, str, bytes]
"""The name by which a body can be made again, the hook that is called, and the body."""


@dataclass
class Report:
    """How many answers had each status, and what was wrong, by the name of the body."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    longest: float = 0.0

    def __add__(self, other: Report) -> Report:
        return Report(self.statuses + other.statuses, self.wrong | other.wrong, max(self.longest, other.longest))


def bodies(seed: int, numbers: Iterable[int]) -> Iterator[Asked]:
    """Mutated bodies: each follows from the seed and its number."""
    everything = requests()
    for number in numbers:
        name = f"{seed}-{number}"
        yield (name, *mutated(everything, name))


def every_path(part: int = 0, parts: int = 1) -> Iterator[Asked]:
    """Every path of eight bodies with every value, or one in `parts` of the paths."""
    number = 0
    for name, request in eight():
        for where, before, after in gaps(request):
            number += 1
            if number % parts == part:
                for nth, value in enumerate(VALUES):
                    yield f"{name}/{where}:{nth}", request["hook"], f"{before}{value}{after}".encode()


def ask(client: FlaskClient, asked: Iterable[Asked], keep: Path | None = None) -> Report:
    """Post each body, and write those whose answer is wrong into the folder `keep`, with what is wrong."""
    report = Report()
    for name, hook, body in asked:
        started = time.process_time()
        reply = client.post(f"/cds-services/{service_id(hook)}", data=body, content_type="application/json")
        seconds = time.process_time() - started
        said = reply_faults(reply.status_code, reply.mimetype or "", reply.data, seconds)
        report.statuses[reply.status_code] += 1
        report.longest = max(report.longest, seconds)
        if said:
            report.wrong[name] = said
            _keep(keep, name, hook, body)
    return report


def _keep(folder: Path | None, name: str, hook: str, body: bytes) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        stem = name.replace("/", "~").replace(":", "~")[-150:]
        (folder / f"{stem}.{hook}.json").write_bytes(body)


def again(file: Path) -> Asked:
    """A body that was kept."""
    return file.stem, file.suffixes[-2].removeprefix("."), file.read_bytes()


def counts(report: Report) -> str:
    """How many answers had each status, and how long the slowest took."""
    counted = ", ".join(f"{count} x {status}" for status, count in sorted(report.statuses.items()))
    return f"{report.statuses.total()} answers ({counted}), the longest took {report.longest:.2f} s of CPU time"


def wrong(report: Report) -> str:
    """What is wrong, a line for each of the first hundred bodies."""
    return "".join(f"{name}: {json.dumps(said)}\n" for name, said in list(report.wrong.items())[:100])
