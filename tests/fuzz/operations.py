"""Every operation of the published OpenAPI document, with bodies and parameters that it allows and that it forbids.

schemathesis makes them, and checks each answer: no status of 500 or above and none that the document does not name, the
media type and form that it names, no forbidden request accepted, and no caller answered without a token.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection
from schemathesis.core.failures import FailureGroup

from service.publish.openapi import PATH
from tests.fuzz.judging import MOST_SECONDS

NOTHING_KNOWN = {"conditions": None, "observations": None}
"""The prefetch without which nothing is answered."""
Headers = Callable[[str], dict[str, str]]
"""The headers of a call of a path."""


@dataclass
class Report:
    """How many answers each operation gave by status, and what was wrong."""

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0

    @property
    def lines(self) -> list[str]:
        """How many answers each operation gave by status, and what was wrong."""
        counted = [
            f"{label}: " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
            for label, statuses in self.statuses.items()
        ]
        return [*counted, *self.wrong]


def ask(app: Flask, examples: int, number: int = 1, headers: Headers = lambda _: {}, path: str | None = None) -> Report:
    """Call every operation of an application, or those of one path, this often in each mode; `number` is the seed."""
    report = Report()
    schema: Any = schemathesis.openapi.from_wsgi(PATH, app, headers=headers(PATH))
    for operation in (one.ok() for one in schema.get_all_operations()):
        if path not in (None, operation.path):
            continue
        for mode in GenerationMode:
            _ask(operation, mode, _run(report, operation.label, headers), examples, number, report)
    return report


def _ask(operation: Any, mode: GenerationMode, run: Any, examples: int, number: int, report: Report) -> None:
    asked = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(seed(number)(given(case=operation.as_strategy(generation_mode=mode))(run)))
    try:
        asked()
    except Unsatisfiable:
        return  # an operation without parameters forbids nothing
    except (FailureGroup, AssertionError) as error:
        report.wrong.append(f"{operation.label}: {error}")


def _run(report: Report, label: str, headers: Headers) -> Callable[[Any], None]:
    counted = report.statuses.setdefault(label, Counter())

    def run(case: Any) -> None:
        is_allowed = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
        if is_allowed and isinstance(case.body, dict) and "hook" in case.body:
            given_keys = case.body.get("prefetch")
            case.body["prefetch"] = NOTHING_KNOWN | (given_keys if isinstance(given_keys, dict) else {})
        started = time.process_time()
        reply = case.call(headers=headers(case.formatted_path))
        seconds = time.process_time() - started
        counted[reply.status_code] += 1
        report.longest = max(report.longest, seconds)
        assert seconds <= MOST_SECONDS, f"{seconds:.1f} s of CPU time"
        is_feedback = case.path.endswith("/feedback")  # the service understands more here than the document describes
        lenient = [negative_data_rejection] if is_feedback else []
        case.validate_response(reply, excluded_checks=lenient, headers=headers(case.formatted_path))

    return run
