"""`rules`: list and change which rules speak to which client, while the service runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.command.options import SETTINGS, load_settings, refuse

if TYPE_CHECKING:
    from service.settings import Settings

_LOCATION = re.compile(r"Location/[A-Za-z0-9.-]{1,64}")
_USER = re.compile(r"[A-Za-z]{1,64}/[!-~]{1,128}")  # looser than FHIR: ids that EHRs make have other characters too
_MOST_OF_A_NAME = 200  # characters


@click.group()
def rules() -> None:
    """Switch a rule for a client: off, shadow, pilot or live. No restart is needed."""


@rules.command(name="set")
@click.argument("rule")
@click.option("--client", required=True, metavar="NAME", help="The client in the settings.")
@click.option(
    "--mode",
    required=True,
    type=click.Choice(["off", "shadow", "pilot", "live"]),
    help="off; shadow: evaluated, not shown; pilot: shown only to a --user or at a --location; live.",
)
@click.option(
    "--user", "users", multiple=True, metavar="REFERENCE", help="A pilot user, as in context.userId; repeatable."
)
@click.option(
    "--location",
    "locations",
    multiple=True,
    metavar="REFERENCE",
    help="A pilot place, as in Encounter.location, such as Location/7; repeatable.",
)
@click.option("--by", "who", metavar="NAME", help="Who decides  [default: the user who is logged in]")
@SETTINGS
def set_mode(
    rule: str,
    client: str,
    mode: str,
    users: tuple[str, ...],
    locations: tuple[str, ...],
    who: str | None,
    file: Path | None,
) -> None:
    """Set the mode of RULE for a client. It takes effect in every worker within 60 seconds."""
    from cards.rule_book import rule_book
    from service.errors import ServiceError
    from service.modes.quiet import Change, Mode
    from service.modes.table import write
    from service.store.database import Database, place, prepare

    settings = load_settings(file, False, (), ())
    if rule not in rule_book().rules:
        raise click.BadParameter(f"there is no rule {rule}: see `rules list`", param_hint="RULE")
    if client not in settings.clients:
        raise click.BadParameter(f"there is no client {client}: see `clients list`", param_hint="--client")
    if bool(users or locations) != (mode == "pilot"):
        raise click.UsageError("--mode pilot needs a --user or a --location, and other modes take neither")
    _check_names(users, locations, who)
    now = int(datetime.now(UTC).timestamp())
    of_pilots = {"users": users, "locations": locations}
    change = Change(rule=rule, client=client, mode=Mode(mode), **of_pilots, who=who or getuser(), at=now)
    try:
        url = place(settings.store_address, settings.data_dir)
        prepare(url)
        write(Database(url), change)
    except ServiceError as error:
        refuse(f"the mode was not changed: {error}")
    click.echo(f"{rule} is {mode} for {client}, in every worker within 60 seconds")
    if mode in ("live", "pilot") and _is_unsigned(rule, settings):
        click.echo(f"It still runs in shadow: nobody has signed it in its present form (signoff show {rule})")


def _check_names(users: Iterable[str], locations: Iterable[str], who: str | None) -> None:
    """Raises click.BadParameter for a pilot that is not a reference and would never match, and for an odd name."""
    from cards.record.words import printable

    for names, shape, example, option in (
        (users, _USER, "Practitioner/1", "--user"),
        (locations, _LOCATION, "Location/7", "--location"),
    ):
        odd = next((one for one in names if not shape.fullmatch(one)), None)
        if odd is not None:
            told = printable(odd[:_MOST_OF_A_NAME]) or "an empty text"
            raise click.BadParameter(f"{told} is not a reference such as {example}", param_hint=option)
    if who is not None and not (who.strip() and len(who) <= _MOST_OF_A_NAME and who == printable(who)):
        raise click.BadParameter(f"it is not one line of 1 to {_MOST_OF_A_NAME} characters", param_hint="--by")


def _is_unsigned(rule: str, settings: Settings) -> bool:
    """Whether a rule runs in shadow, whatever its mode, because it has no sign-off."""
    from service.app import signing
    from service.errors import StartError

    try:
        site = signing(settings)
        return rule in site.standings.hidden(site.today)
    except StartError as error:
        refuse(str(error))


@rules.command(name="list")
@click.option("--history", is_flag=True, help="Every change, the oldest first.")
@SETTINGS
def list_modes(history: bool, file: Path | None) -> None:
    """List the rules whose mode was set, by whom, and when. The others are live if they are signed."""
    from service.errors import ServiceError
    from service.modes.quiet import in_force
    from service.modes.table import reading
    from service.store.database import Database, place, prepare

    settings = load_settings(file, False, (), ())
    try:
        url = place(settings.store_address, settings.data_dir)
        prepare(url)
        changes = reading(Database(url))()
    except ServiceError as error:
        refuse(f"the modes cannot be read: {error}")
    for change in changes if history else in_force(changes).values():
        at = datetime.fromtimestamp(change.at, settings.zone)
        pilots = f" ({', '.join(named)})" if (named := change.users + change.locations) else ""
        click.echo(f"{change.client}  {change.rule}  {change.mode}{pilots}  {at:%Y-%m-%d %H:%M} by {change.who}")
