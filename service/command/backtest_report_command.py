"""`backtest-report`: what a committee reads about a backtest, made only from its folder."""

from __future__ import annotations

from pathlib import Path

import click

from service.command.options import SETTINGS, load_settings, refuse

MISSING = "`backtest` needs more packages: pip install 'foot-drop-cds[backtest]' ({})"
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FORMS = ("html", "csv")


@click.command("backtest-report")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--compare", "before", type=_FOLDER, help="Folder of an earlier run over the same export.")
@click.option(
    "--format",
    "forms",
    type=click.Choice(["html", "csv", "json"]),
    multiple=True,
    default=_FORMS,
    show_default=True,
    help="A page for people, CSV for a spreadsheet, JSON for tools; repeatable.",
)
@click.option("--notice", default="", help="A line above the page, such as: draft for the committee.")
@SETTINGS
def backtest_report(folder: Path, before: Path | None, forms: tuple[str, ...], notice: str, file: Path | None) -> None:
    """Write the report of a backtest again, or compare it with an earlier one.

    DIR is the --out of `backtest`: the report is written there, readable by its owner alone. Small counts
    are hidden. --compare also writes gains-and-losses.csv, which names patients.
    """
    settings = load_settings(file, True, (), ())
    write_report(folder, settings.report_small_counts, forms=forms, before=before, notice=notice)


def write_report(
    folder: Path,
    least: int,
    *,
    forms: tuple[str, ...] = _FORMS,
    before: Path | None = None,
    notice: str = "",
    again: str = "",
) -> None:
    """Write the report of a folder into it and say so. If that fails, say how to try `again` and end with 1."""
    try:
        from service.backtest.report.making import write
    except ModuleNotFoundError as error:
        refuse(MISSING.format(error))
    from cards.rule_book import rule_book
    from service.errors import ServiceError

    titles = {id: one.title for id, one in rule_book().rules.items()}
    try:
        for written in write(folder, titles, least, forms=forms, before=before, notice=notice):
            click.echo(f"Report: {written}")
    except ServiceError as error:
        refuse(f"the report could not be made: {error}{again}")
