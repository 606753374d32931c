"""`backtest`: what the rules would have said of the patients of a Bulk Data export."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.command.backtest_report_command import MISSING, write_report
from service.command.options import FILE, SETTINGS, load_settings, refuse

if TYPE_CHECKING:
    from service.backtest.local import Progress
    from service.backtest.summary import Summary

_DAY = click.DateTime(["%Y-%m-%d"])
# Other hooks ask about orders being written or a problem being added, which an export does not contain.
_HOOKS = ("patient-view", "encounter-discharge")
_NO_SPARK = "`--engine spark` needs more packages: pip install 'foot-drop-cds[backtest,spark]' ({})"


class _Place(click.Path):
    """A folder, or an address such as s3://bucket/result."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if "://" in str(value) else super().convert(value, param, ctx)


class _Conf(click.ParamType[Any]):
    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, mark, text = value.partition("=")
        if not (mark and name.startswith("spark.")):
            self.fail(f"{name!r} is not a Spark setting such as spark.executor.memory=4g", param, ctx)
        return name, text


class _At(click.ParamType[Any]):
    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | date | datetime:
        if value in ("encounters", "daily") or not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return date.fromisoformat(value) if len(value) == len("2026-03-02") else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither encounters nor daily, nor a date such as 2026-03-02", param, ctx)


@click.command()
@click.argument("export")
@click.option("--out", type=_Place(file_okay=False, path_type=Path), required=True, help="Folder of the result.")
@click.option("--from", "first", type=_DAY, metavar="DATE", help="First day, included.")
@click.option("--to", "last", type=_DAY, metavar="DATE", help="Last day, included.")
@click.option(
    "--at", type=_At(), default="encounters", show_default=True, help="encounters, daily, or a date such as 2026-03-02."
)
@click.option(
    "--hook",
    type=click.Choice(_HOOKS),
    default=_HOOKS[0],
    show_default=True,
    help="The hook whose rules are evaluated.",
)
@click.option("--rules", "only", multiple=True, metavar="RULE", help="Keep only the rows of this rule; repeatable.")
@click.option(
    "--known-by",
    type=click.Choice(["recorded", "happened", "updated"]),
    default="recorded",
    show_default=True,
    help="The date from which a record counts as known.",
)
@click.option(
    "--pseudonymise", is_flag=True, help="Replace ids by keyed hashes, and keep only the program's own words."
)
@click.option("--resume", is_flag=True, help="Continue the run in --out.")
@click.option("--processes", type=click.IntRange(1, 512), help="Number of processes  [default: one for each core]")
@click.option("--report/--no-report", "is_reported", default=True, help="Write the report next to the rows.")
@click.option("--memory", help="Memory of each process for sorting  [default: 1GB]")
@click.option(
    "--engine",
    type=click.Choice(["local", "spark"]),
    default="local",
    show_default=True,
    help="Where it runs: this machine, or Spark.",
)
@click.option(
    "--master", metavar="URL", default="", help="The Spark cluster: local[2], spark://host:7077, yarn, k8s://..."
)
@click.option("--archive", type=FILE, help="Packed environment for the executors of Spark.")
@click.option("--conf", type=_Conf(), multiple=True, help="A setting of Spark; repeatable.")
@SETTINGS
def backtest(export: str, file: Path | None, **options: Any) -> None:
    """Show what the rules would have said about the patients of a Bulk Data export.

    EXPORT is a folder of NDJSON files, a manifest, or an address such as s3://bucket/export. Writes
    Parquet files, summary.json and a report to --out, readable by their owner alone.
    """
    try:
        from service.backtest.errors import BacktestError
        from service.backtest.summary import sentences
    except ModuleNotFoundError as error:
        refuse(MISSING.format(error))
    run = _on_spark if options["engine"] == "spark" else _on_this_machine
    try:
        with _shown() as progress:
            summary = run(export, file, options, progress)
    except BacktestError as error:
        refuse(str(error))
    for sentence in sentences(summary):
        click.echo(sentence)
    click.echo(f"Written to {options['out']}")
    if options["is_reported"] and isinstance(options["out"], Path):
        again = f". The rows are complete: to try again, run `backtest-report {options['out']}`"
        least = load_settings(file, True, (), ()).report_small_counts
        write_report(options["out"], least, again=again)


def _on_this_machine(export: str, file: Path | None, options: dict[str, Any], progress: Progress) -> Summary:
    for name in ("master", "archive", "conf"):
        if options[name]:
            raise click.UsageError(f"--{name} needs --engine spark")
    if isinstance(options["out"], str):
        raise click.UsageError("--out must be a folder of this machine; only --engine spark takes an address")
    try:
        from service.backtest.local import Job, run
    except ModuleNotFoundError as error:
        refuse(MISSING.format(error))
    job = Job(
        export=export,
        out=options["out"],
        processes=options["processes"] or os.cpu_count() or 1,
        memory=options["memory"] or "1GB",
        **_asked(file, options),
    )
    try:
        return run(job, resume=options["resume"], progress=progress)
    except KeyboardInterrupt:
        refuse("stopped. What is done is kept: continue with --resume.")


def _on_spark(export: str, file: Path | None, options: dict[str, Any], progress: Progress) -> Summary:
    for name in ("resume", "processes", "memory"):
        if options[name]:
            raise click.UsageError(
                f"--{name} is only for the engine of one machine: Spark does that itself, see --conf"
            )
    try:
        from service.backtest.spark.command import SparkJob, run
    except ModuleNotFoundError as error:
        refuse(_NO_SPARK.format(error))
    job = SparkJob(
        export=export,
        out=str(options["out"]),
        master=options["master"],
        archive=options["archive"],
        conf=options["conf"],
        **_asked(file, options),
    )
    try:
        return run(job, progress=progress)
    except KeyboardInterrupt:
        refuse("stopped, and what was written is incomplete: start again with another --out.")


def _asked(file: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    """What to ask of the engine, whichever runs the backtest."""
    from cards.rule_book import rule_book
    from service.backtest.as_of import KnownBy
    from service.backtest.moments import Plan, end_of

    settings = load_settings(file, True, (), ())
    only, at = frozenset(options["only"]), options["at"]
    if unknown := sorted(only - rule_book().rules.keys()):
        raise click.BadParameter(f"there is no rule {unknown[0]}: see `rules list`", param_hint="--rules")
    if isinstance(at, datetime):
        at = at if at.tzinfo else at.replace(tzinfo=settings.zone)
    elif isinstance(at, date):
        at = end_of(at, settings.zone)
    first, last = (day.date() if day else None for day in (options["first"], options["last"]))
    if first and last and first > last:
        raise click.UsageError("--from is later than --to")
    if at == "daily" and not (first and last):
        raise click.UsageError("--at daily needs --from and --to")
    return {
        "settings": settings,
        "plan": Plan(at=at, first=first, last=last, hook=options["hook"]),
        "known_by": KnownBy(options["known_by"]),
        "rules": only or None,
        "is_pseudonymous": options["pseudonymise"],
    }


@contextmanager
def _shown() -> Iterator[Progress]:
    """A progress bar on the terminal, with the rate per second and the remaining time."""
    from rich import progress as rich
    from rich.console import Console

    said = Console(stderr=True)
    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=said, disable=not said.is_terminal) as bar:
        steps: dict[str, rich.TaskID] = {}

        def show(step: str, done: int, every: int) -> None:
            if step not in steps:
                steps[step] = bar.add_task(step, total=every, completed=done, rate="")
            bar.update(steps[step], completed=done, total=every)
            speed = bar.tasks[steps[step]].speed
            bar.update(steps[step], rate=f"{speed:,.0f} a second" if speed else "")

        yield show
