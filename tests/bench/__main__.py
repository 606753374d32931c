"""`make bench`: measure, and print the table. Benchmarks report; they do not fail."""

import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from msgspec import Struct
from rich.console import Console

from tests.bench import callers, engine, hapi, memory, over_http, signed
from tests.bench.bodies import SIZES
from tests.bench.first_answer import first_answer
from tests.bench.shapes import MIXED, SHAPES, body
from tests.bench.table import Section, for_readme, for_terminal, row
from tests.hapi import build

# The limits of the service, as ratios within one run.
_ENGINE = dict(zip(SIZES, (1.5, 1.0, 1.0, 1.0), strict=True))
_FOOT_DROP_MS = {10: 0.5, 100: 0.5}  # it does not grow with the chart; in larger charts noise exceeds it
_HTTP = dict(zip(SIZES, (2.0, 3.0, 7.0, 5.0), strict=True))
_HELD = {1_000: 2.0, 10_000: 2.0}
_FIRST_ANSWER = 1.5
_MEMORY = {10: 1.1, 100: 1.1}
_CALLER_MS = 0.3  # without the signature
_READING_MS = 15  # beyond the slowest query

_WORDS = {False: "no foot drop", True: "foot drop"}


class Effort(Struct, frozen=True):
    """How often each thing is measured."""

    rounds: dict[int, int]
    http_rounds: int
    hapi_turns: int
    starts: int


# For the shapes other than the mixed one, fewer sizes suffice to show that they keep the limits.
_FEWER = Effort(dict(zip(SIZES, (9, 9, 9, 3), strict=True)), http_rounds=5, hapi_turns=0, starts=0)
_FULL = Effort(dict(zip(SIZES, (31, 31, 31, 15), strict=True)), http_rounds=15, hapi_turns=51, starts=7)
_QUICK = Effort(dict(zip(SIZES, (5, 5, 5, 3), strict=True)), http_rounds=3, hapi_turns=15, starts=3)

Bodies = dict[tuple[int, bool], bytes]


def _in_process(shape: str, bodies: Bodies, now: datetime, effort: Effort) -> list[Section]:
    costs = {key: engine.measure(body, now, effort.rounds[key[0]]) for key, body in bodies.items()}
    sections = [
        _steps(shape, {size: costs[size, foot_drop] for size in SIZES}, foot_drop) for foot_drop in (False, True)
    ]
    extra = {size: (costs[size, True].best - costs[size, False].best) * 1e3 for size in _FOOT_DROP_MS}
    sections[1].rows += [
        row("engine, ms more than without foot drop", extra, 2, _FOOT_DROP_MS),
        row("answer: cards and FHIR orders, ms", {size: costs[size, True].answer * 1e3 for size in SIZES}, 2),
    ]
    return sections


def _steps(shape: str, costs: dict[int, engine.Cost], foot_drop: bool) -> Section:
    rows = [row("json.loads, ms", {size: cost.json * 1e3 for size, cost in costs.items()}, 3)]
    for name in ("decode", "gather", "chart", "decide"):
        rows.append(row(name, {size: getattr(cost, name) / cost.json for size, cost in costs.items()}, 2))
    # Nearly every opened chart has no foot drop; for one with foot drop the limit is on the extra cost.
    limits = None if foot_drop else _ENGINE
    rows.append(row("engine: all of these", {size: cost.ratio for size, cost in costs.items()}, 2, limits))
    return Section(f"In process, {shape}, {_WORDS[foot_drop]}: CPU against json.loads", rows)


def _over_http(shape: str, bodies: Bodies, effort: Effort) -> list[Section]:
    with over_http.servers() as (service, null):
        found = {key: over_http.compare(service, null, body, effort.http_rounds) for key, body in bodies.items()}
    return [_http(shape, {size: found[size, foot_drop] for size in SIZES}, foot_drop) for foot_drop in (False, True)]


def _http(shape: str, found: dict[int, over_http.Compared], foot_drop: bool) -> Section:
    rows = []
    if over_http.has_proc():
        # As in process, the limits apply to a chart without foot drop: advice costs the same in any chart.
        limits = None if foot_drop else _HTTP
        rows = [
            row("CPU, ms", {size: each.service.cpu * 1e3 for size, each in found.items()}, 2),
            row("CPU of the null route, ms", {size: each.null.cpu * 1e3 for size, each in found.items()}, 2),
            row("CPU against the null route", {size: each.ratio for size, each in found.items()}, 2, limits),
        ]
    for name in ("p50", "p95"):
        rows += [
            row(f"{name}, ms", {size: getattr(each.service, name) * 1e3 for size, each in found.items()}, 1),
            row(f"{name} of the null route, ms", {s: getattr(each.null, name) * 1e3 for s, each in found.items()}, 1),
        ]
    return Section(f"Over HTTP, {shape}, {_WORDS[foot_drop]}: a request, one client", rows)


def _with_hapi(now: datetime, effort: Effort) -> tuple[list[Section], str]:
    """The sections, and why some are missing."""
    lacking = build.missing()
    if lacking:
        return [], lacking
    try:
        with hapi.loaded(now) as server:
            found = hapi.measure(server, now, effort.hapi_turns)
    except hapi.TROUBLE as error:
        return [], str(error)
    return [_reading(name, each) for name, each in found.items()], ""


def _reading(name: str, found: hapi.Reading) -> Section:
    rows = [
        row("p50 with prefetch, ms", {10: found.supplied * 1e3}, 1),
        row("p50 without, read from HAPI, ms", {10: found.read * 1e3}, 1),
        row("the slowest query by HAPI's log, p50, ms", {10: found.slowest * 1e3}, 1),
        row("added beyond the slowest query, p50, ms", {10: found.added * 1e3}, 1, {10: _READING_MS}),
    ]
    return Section(f"HAPI as fhirServer: {name}, {found.resources} resources", rows)


def _held(bodies: Bodies, now: datetime) -> Section:
    held = {
        foot_drop: {size: engine.held(bodies[size, foot_drop], now) for size in _HELD} for foot_drop in (False, True)
    }
    rows = [row(f"request, records and chart, {_WORDS[key]}", sizes, 2, _HELD) for key, sizes in held.items()]
    return Section("Memory held beside the body, x the body", rows)


def _started(bodies: Bodies, effort: Effort) -> Section:
    rows = [
        row(
            f"Python, import, create_app, answer, {_WORDS[foot_drop]}",
            {10: first_answer(bodies[10, foot_drop], effort.starts)},
            2,
            {10: _FIRST_ANSWER},
        )
        for foot_drop in (False, True)
    ]
    return Section("Start to first answer, s", rows)


def _callers(effort: Effort) -> Section:
    rows = []
    for algorithm, cost in callers.measure(effort.starts).items():
        rows += [
            row(f"{algorithm}: header, claims, key cache, replay", {10: cost.rest * 1e3}, 2, {10: _CALLER_MS}),
            row(f"{algorithm}: the signature", {10: cost.signature * 1e3}, 2),
        ]
    return Section("Who calls: CPU of a token, ms", rows)


def _signed(algorithm: str, bodies: Bodies, effort: Effort) -> Section:
    """The limits of a request are those with --dev: the cost of a token has its own limit."""
    with signed.servers(algorithm) as (service, null):
        taken = {size: over_http.compare(service, null, bodies[size, False], effort.http_rounds) for size in SIZES}
    rows = []
    if over_http.has_proc():
        rows = [
            row("CPU, ms", {size: one.service.cpu * 1e3 for size, one in taken.items()}, 2),
            row("CPU of the null route, ms", {size: one.null.cpu * 1e3 for size, one in taken.items()}, 2),
            row("CPU against the null route", {size: one.ratio for size, one in taken.items()}, 2),
        ]
    rows += [
        row("p50, ms", {size: one.service.p50 * 1e3 for size, one in taken.items()}, 1),
        row("p50 of the null route, ms", {size: one.null.p50 * 1e3 for size, one in taken.items()}, 1),
    ]
    title = f"Over HTTP, mixed, no foot drop, signed with {algorithm}: a null route that verifies the same token"
    return Section(title, rows)


def _memory(bodies: Bodies, effort: Effort) -> Section:
    costs = memory.measure({key: body for key, body in bodies.items() if key[0] in _MEMORY}, effort.http_rounds)
    rows = []
    for foot_drop, words in _WORDS.items():
        ratios = {size: costs[size, foot_drop].ratio for size in _MEMORY}
        rows.append(row(f"CPU with it against without, {words}", ratios, 2, _MEMORY))
        rows.append(
            row(f"CPU without, ms, {words}", {size: costs[size, foot_drop].forgetting * 1e3 for size in _MEMORY}, 2)
        )
    return Section("What is remembered: a signed request over HTTP, one client", rows)


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{platform.system()}, {os.cpu_count()} x {model}, Python {platform.python_version()}{load}"


def _bodies(shape: str, now: datetime) -> Bodies:
    return {(size, drop): body(shape, size, now, foot_drop=drop) for size in SIZES for drop in (False, True)}


def _of_the_mixed_shape(now: datetime, effort: Effort, say: Callable[[str], None]) -> tuple[list[Section], str]:
    """The sections that do not depend on the shape (reading from HAPI, memory, the start), and why HAPI is left out."""
    bodies = _bodies(MIXED, now)
    say("first answer")
    started = _started(bodies, effort)
    say("with HAPI")
    reading, left_out = _with_hapi(now, effort)
    say("memory")
    held = _held(bodies, now)
    say("callers")
    known = _callers(effort)
    of_signed = [_signed(algorithm, bodies, effort) for algorithm in signed.KEYS]
    say("what is remembered")
    return [*reading, held, started, known, *of_signed, _memory(bodies, effort)], left_out


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rounds: a first look.")
@click.option("--markdown", is_flag=True, help="Print the table as docs/performance.md shows it.")
@click.option("--shape", "shapes", type=click.Choice(SHAPES), multiple=True, help="Only charts of this shape.")
def main(quick: bool, markdown: bool, shapes: tuple[str, ...]) -> None:
    """Measure what a request costs, by the number of resources in it and the shape of the chart."""
    effort, now = _QUICK if quick else _FULL, datetime.now(UTC)
    title = f"{now:%Y-%m-%d}, {_machine()}"
    progress = Console(stderr=True)
    sections, left_out = [], ""
    with progress.status("") as status:
        for shape in shapes or SHAPES:
            bodies, of_shape = _bodies(shape, now), effort if quick or shape == MIXED else _FEWER
            status.update(f"{shape}, over HTTP")
            http = _over_http(shape, bodies, of_shape)
            status.update(f"{shape}, in process")
            engine.settle()
            sections += [*_in_process(shape, bodies, now, of_shape), *http]
        if MIXED in (shapes or SHAPES):
            beside, left_out = _of_the_mixed_shape(now, effort, status.update)
            sections += beside
    if markdown:
        print(for_readme(sections, title))
    else:
        Console(width=None if sys.stdout.isatty() else 120).print(for_terminal(sections, title))
    if not over_http.has_proc():
        progress.print(over_http.NO_PROC)
    if left_out:
        progress.print(f"HAPI as fhirServer was left out: {left_out}.", markup=False, highlight=False)


if __name__ == "__main__":
    main()
