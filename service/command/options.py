"""What several commands share: options, reading the settings, and how a refusal ends a command."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from service.settings import Settings

_MOST_DAYS = 36_500


class FhirServer(click.ParamType[str]):
    """The address of a FHIR server, or of another HTTP server."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from service.fhir.address import read_address, without_secrets

        address = read_address(value)
        if address is None:
            self.fail(f"'{without_secrets(value)}' is not the http or https address of a FHIR server", param, ctx)
        return address.url


class Moment(click.ParamType[datetime]):
    """A date or time; one without an offset is in the site's time zone."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date or time such as 2026-03-02T10:00:00Z", param, ctx)


class Age(click.ParamType[timedelta]):
    """An age in whole days, at least one: anything younger may still be in progress."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        days = value.removesuffix("d") if isinstance(value, str) else ""
        if not (days.isascii() and days.isdecimal() and 1 <= int(days) <= _MOST_DAYS):
            self.fail(f"{value!r} is not a number of days such as 365d", param, ctx)
        return timedelta(days=int(days))


SETTINGS = click.option(
    "--settings",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings file  [default: FOOT_DROP_CDS_SETTINGS, then ./foot-drop-cds.toml]",
)
SETTINGS_TO_WRITE = click.option(
    "--settings",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default="foot-drop-cds.toml",
    show_default=True,
    envvar="FOOT_DROP_CDS_SETTINGS",
    help="Settings file; it is created if it does not exist.",
)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def load_settings(file: Path | None, dev: bool, servers: tuple[str, ...], origins: tuple[str, ...]) -> Settings:
    """The settings, with what the command line adds. Ends with 1 if they are refused."""
    from service.settings import RefusedSettingsError, load

    try:
        return load(file, dev=dev, more_fhir_servers=servers, more_origins=origins)
    except RefusedSettingsError as error:
        refuse(str(error))


def refuse(sentence: str) -> NoReturn:
    """Print a sentence and end with 1."""
    from cards.record.words import printable

    for line in f"foot-drop-cds: {sentence}".split("\n"):  # it may contain the words of another program
        click.echo(printable(line), err=True)
    sys.exit(1)
