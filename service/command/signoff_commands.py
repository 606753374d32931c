"""`signoff`: what must be read about a rule, who approved it or withdrew that, and which approvals are valid."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.command.options import SETTINGS, load_settings, refuse

if TYPE_CHECKING:
    from service.signoff.site import Site


@click.group()
def signoff() -> None:
    """Read a rule, record who approved it or withdrew that, and list which approvals are valid.

    This is a record of approval, not an electronic signature in the sense of 21 CFR 11.
    """


@signoff.command()
@click.argument("rule")
@SETTINGS
def show(rule: str, file: Path | None) -> None:
    """Print everything to read before RULE is signed."""
    from service.signoff.showing import show as lines

    site = _site(file, rule)
    for line in lines(site.dossier(rule)):
        click.echo(line)


@signoff.command()
@click.argument("rule")
@click.option("--name", required=True, help="Who has read the rule and approves it.")
@click.option("--role", required=True, help="Their role.")
@click.option("--body", required=True, help="The body for which they approve it; the rule's cards name it.")
@click.option("--conditions", default="", help="Conditions of the approval.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which the approval holds.")
@SETTINGS
def add(
    rule: str, name: str, role: str, body: str, conditions: str, expires: datetime | None, file: Path | None
) -> None:
    """Record that RULE, as it is now, is approved. Read it first: signoff show RULE."""
    from service.errors import ServiceError
    from service.signoff.records import NO_SIGNATURE
    from service.signoff.showing import by

    site = _site(file, rule)
    try:
        record = site.add(rule, name, role, body, conditions, expires.date() if expires else None)
    except ServiceError as error:
        refuse(str(error))
    click.echo(f"{rule}: {by(record)}")
    click.echo(f"Written to {site.file}. {NO_SIGNATURE}")
    click.echo("It takes effect when the service is next started.")


@signoff.command()
@click.argument("rule")
@click.option("--name", required=True, help="Who withdraws the approval.")
@click.option("--role", required=True, help="In which role.")
@click.option("--reason", required=True, help="Why, in a line; the rule's page and signoff list show it.")
@SETTINGS
def withdraw(rule: str, name: str, role: str, reason: str, file: Path | None) -> None:
    """Record that the approval of RULE no longer holds. The approval stays in the file beside it."""
    from service.errors import ServiceError

    site = _site(file)
    try:
        withdrawal = site.withdraw(rule, name, role, reason)
    except ServiceError as error:
        refuse(str(error))
    fate = "speaks as a draft (allow_unsigned)" if site.standings.all_speak else "runs in shadow"
    click.echo(f"{rule}: the approval is withdrawn by {name}, {role}, on {withdrawal.date}: {reason}")
    click.echo(
        f"Written to {site.file}. A service that reads this file takes it up within 60 seconds: the rule then {fate}."
    )


@signoff.command(name="list")
@SETTINGS
def list_signoffs(file: Path | None) -> None:
    """List the rules: signed, expired, void, withdrawn (and why), or unsigned."""
    from service.signoff.showing import listed

    site = _site(file)
    for line in site.standings.sentences(site.today, with_causes=False):
        click.echo(line)
    for id, rule in site.book.rules.items():
        for line in listed(rule, site.standings.of(id, site.today)):
            click.echo(line)


def _site(file: Path | None, rule: str | None = None) -> Site:
    """The sign-offs by the settings. Ends with 1 if they are refused, and with 2 if there is no such rule."""
    from service.app import signing
    from service.errors import StartError

    try:
        site = signing(load_settings(file, False, (), ()))
        _ = site.standings  # so that an unusable file is refused here
    except StartError as error:
        refuse(str(error))
    if rule is not None and rule not in site.book.rules:
        raise click.BadParameter(f"there is no rule {rule}: see `signoff list`", param_hint="RULE")
    return site
