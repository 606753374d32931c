"""`report`: the report from the store that the committee reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from service.command.options import SETTINGS, Moment, load_settings, refuse


@click.command()
@click.option("--since", type=Moment(), help="Start of the period, a date or time  [default: 90 days ago]")
@click.option("--until", type=Moment(), help="End of the period, not included  [default: now]")
@click.option("--rule", default="", help="Report only this rule.")
@click.option("--client", default="", help="Report only this client.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "csv", "json"]),
    default="html",
    show_default=True,
    help="A page for people, CSV for a spreadsheet, JSON for tools.",
)
@click.option(
    "--out", "out", type=click.Path(dir_okay=False, path_type=Path), help="File to write  [default: standard output]"
)
@SETTINGS
def report(
    since: datetime | None,
    until: datetime | None,
    rule: str,
    client: str,
    form: str,
    out: Path | None,
    file: Path | None,
) -> None:
    """Report how often each rule speaks, and what becomes of its cards.

    It reads the store, and changes nothing in it. Small counts are hidden.
    """
    from cards.rule_book import rule_book
    from service.errors import ServiceError
    from service.reporting import making
    from service.reporting.asking import asked
    from service.store.database import StoreAwayError, place

    settings = load_settings(file, False, (), ())
    titles = {id: one.title for id, one in rule_book().rules.items()}
    if rule and rule not in titles:
        raise click.BadParameter(f"there is no rule {rule}", param_hint="--rule")
    if client and client not in settings.clients:
        raise click.BadParameter(f"there is no client {client}: see `clients list`", param_hint="--client")
    now = datetime.now(UTC)
    try:
        period = asked(since, until or now, settings.zone, rule, client)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from None
    try:
        url = place(settings.store_address, settings.data_dir)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            refuse(f"no report was made: there is no store at {url.database}; `serve` creates it")
        told = making.report(url, period, settings.report_small_counts, titles, settings.zone, now)
        text = making.written(told, form)
    except StoreAwayError as error:
        refuse(f"no report was made: the store cannot be read ({error})")
    except ServiceError as error:
        refuse(f"no report was made: {error}")
    _write(text, out)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        refuse(f"{out} cannot be written: {error.strerror}")
    click.echo(f"Report written to {out}")
