"""The cost of a backtest, by the shape of the charts: `python -m tests.bench.backtest --patients 10000`.

CPU of one process from the first line read to the last file written, without the start of Python. Each measurement
runs in its own process, so that its memory is measured separately too.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from msgspec import Struct

from service.backtest import local
from service.backtest.moments import Plan
from service.settings import Settings
from tests.bench.shapes import SHAPES
from tests.support import population

CHARTS = 300  # per second, at one date
MOMENTS = 2_000  # per second, over encounters
WHEN: dict[str, str | datetime] = {"one date": population.NOW, "encounters": "encounters"}
_STEPS = ("Reading", "Sorting", "Judging")
_A_MEGABYTE = 1 << 20 if sys.platform == "darwin" else 1 << 10  # the unit of getrusage


class Cost(Struct, frozen=True):
    """CPU seconds of each step and in total, how much was evaluated, and the peak memory in MB."""

    steps: dict[str, float]
    seconds: float
    patients: int
    moments: int
    megabytes: int

    @property
    def charts(self) -> float:
        """Charts per second."""
        return self.patients / self.seconds

    @property
    def rate(self) -> float:
        """Moments per second."""
        return self.moments / self.seconds


def measure(export: str, out: Path, when: str) -> Cost:
    """The cost of one backtest in this process."""
    job = local.Job(export=export, out=out, settings=Settings(dev=True), plan=Plan(at=WHEN[when]))
    local.prepare(job)
    began = time.process_time()
    ends: dict[str, float] = {}

    def progress(step: str, _done: int, _every: int) -> None:
        ends[step] = time.process_time() - began

    summary = local.run(job, progress=progress)
    seconds = time.process_time() - began
    before = [0.0, *(ends[step] for step in _STEPS)]
    steps = {step: ends[step] - start for step, start in zip(_STEPS, before, strict=False)}
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _A_MEGABYTE
    return Cost(steps, seconds, summary.patients, summary.moments, held)


def costs(shape: str, patients: int, folder: Path) -> Iterator[tuple[str, Cost]]:
    """The cost of a backtest of an invented population at each kind of moment."""
    export = folder / shape
    population.write(export, patients, shape=shape)
    for number, when in enumerate(WHEN):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            yield when, pool.submit(measure, str(export), folder / f"{shape}-{number}", when).result()


def line(shape: str, when: str, cost: Cost) -> str:
    """A row of the table of docs/backtest.md."""
    steps = " | ".join(f"{cost.steps[step] / cost.patients * 1000:.2f}" for step in _STEPS)
    rate, goal = (cost.charts, CHARTS) if when == "one date" else (cost.rate, MOMENTS)
    unit = "charts" if when == "one date" else "moments"
    held = "≥" if rate >= goal else "<"
    return f"| {shape}, {when} | {steps} | {rate:,.0f} {unit} ({held} {goal:,}) | {cost.megabytes} |"


@click.command()
@click.option("--patients", default=1000)
@click.option("--shape", "shapes", type=click.Choice(SHAPES), multiple=True, help="Only charts of this shape.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where there is room; a temporary one otherwise.")
def main(patients: int, shapes: tuple[str, ...], folder: Path | None) -> None:
    """Measure the cost of a backtest, by the shape of the charts."""
    print(f"| {patients:,} charts | read, s per 1,000 | sort | judge and write | a second and core | MB |")
    print("|---|---:|---:|---:|---:|---:|")
    for shape in shapes or SHAPES:
        with TemporaryDirectory(dir=folder) as room:
            for when, cost in costs(shape, patients, Path(room)):
                print(line(shape, when, cost), flush=True)


if __name__ == "__main__":
    main()
