"""The commands for registered EHRs: `clients` manages their entries, and `call` acts as one of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from service.command.options import FILE, SETTINGS, SETTINGS_TO_WRITE, FhirServer, load_settings, refuse

if TYPE_CHECKING:
    from service.settings import Settings
    from service.trust.client import Client


@click.group()
def clients() -> None:
    """Register EHRs in the settings, list them, and test their keys."""


@clients.command()
@click.argument("name")
@click.option("--issuer", required=True, metavar="URI", help="The claim iss of the EHR's tokens.")
@click.option(
    "--public-key",
    type=FILE,
    metavar="FILE.pem",
    help="The EHR's public key, as openssl writes it; it becomes a JWK Set.",
)
@click.option("--keys-file", metavar="FILE", help="The EHR's JWK Set, as a file.")
@click.option("--keys-url", "keys_urls", multiple=True, metavar="URL", help="Address of the EHR's JWK Set; repeatable.")
@click.option("--fhir-server", "servers", multiple=True, metavar="URL", help="A FHIR server of the EHR; repeatable.")
@click.option("--private", is_flag=True, help="Its FHIR servers may be at private addresses.")
@click.option("--subject", metavar="ID", help="The client id of this service at those servers.")
@click.option("--profile", metavar="NAME", help="strict (the default), epic, oracle, sandbox or crd.")
@click.option("--cds-hooks", metavar="VERSION", help="2.0 (the default), or 3.0, the draft.")
@click.option(
    "--public-url", metavar="URL", help="Where the EHR reaches the service, if not at the setting public_url."
)
@SETTINGS_TO_WRITE
def add(
    name: str,
    issuer: str,
    public_key: Path | None,
    keys_file: str | None,
    keys_urls: tuple[str, ...],
    servers: tuple[str, ...],
    private: bool,
    subject: str | None,
    profile: str | None,
    cds_hooks: str | None,
    public_url: str | None,
    file: Path,
) -> None:
    """Add an EHR to the settings file. Nothing is written if the settings would be refused."""
    from service.command import clients as entries
    from service.errors import StartError

    own = {**({"subject": subject} if subject else {}), **({"private": True} if private else {})}
    entry = {
        "issuer": issuer,
        "keys_file": keys_file,
        "keys_urls": keys_urls,
        "tenants": [{"base": server, **own} for server in servers],
        "profile": profile,
        "cds_hooks": cds_hooks,
        "public_url": public_url,
    }
    try:
        keys = entries.add(file, name, entry, public_key)
    except StartError as error:
        refuse(str(error))
    click.echo(f"{name} added to {file}" + (f", its key to {keys}" if keys else ""))


@clients.command(name="list")
@SETTINGS
def list_clients(file: Path | None) -> None:
    """List the EHRs in the settings."""
    from service.command import clients as entries

    for line in entries.listed(load_settings(file, False, (), ()).clients):
        click.echo(line)


@clients.command(name="add-key")
@click.argument("name")
@click.option("--public-key", required=True, type=FILE, metavar="FILE.pem", help="The key, as openssl writes it.")
@SETTINGS
def add_key(name: str, public_key: Path, file: Path | None) -> None:
    """Add a key to an EHR's JWK Set on this machine. The keys that it has remain."""
    from service.command import clients as entries
    from service.errors import StartError

    client = _client(name, load_settings(file, False, (), ()))
    try:
        kid = entries.add_key(client, public_key)
    except StartError as error:
        refuse(str(error))
    click.echo(f"{kid} added to {client.keys_file}; restart the service to use it")


@clients.command(name="remove-key")
@click.argument("name")
@click.argument("kid")
@SETTINGS
def remove_key(name: str, kid: str, file: Path | None) -> None:
    """Remove the key KID from an EHR's JWK Set on this machine."""
    from service.command import clients as entries
    from service.errors import StartError

    try:
        keys = entries.remove_key(_client(name, load_settings(file, False, (), ())), kid)
    except StartError as error:
        refuse(str(error))
    click.echo(f"{kid} removed from {keys}; restart the service to refuse it")


def _client(name: str, settings: Settings) -> Client:
    if name not in settings.clients:
        raise click.BadParameter(f"there is no client {name}: see `clients list`", param_hint="NAME")
    return settings.clients[name]


@clients.command()
@click.argument("name", required=False)
@SETTINGS
def check(name: str | None, file: Path | None) -> None:
    """Fetch the keys of an EHR, and show their ids and lifetimes. Without NAME, check every EHR."""
    from service.app import http_client
    from service.command import clients as entries
    from service.trust.remote_keys import PEER

    settings = load_settings(file, False, (), ())
    if name is not None and name not in settings.clients:
        raise click.BadParameter(f"there is no client {name}: see `clients list`", param_hint="NAME")
    checks = [
        entries.check(one, client, http_client(settings, peer=PEER, ca_file=client.ca_file))
        for one, client in settings.clients.items()
        if name in (None, one)
    ]
    for _, lines in checks:
        click.echo("\n".join(lines))
    if not checks:
        refuse("no client is registered: foot-drop-cds clients add")
    if not all(is_right for is_right, _ in checks):
        sys.exit(1)


@click.command()
@click.argument("url", metavar="URL", type=FhirServer())
@click.argument("body", metavar="[REQUEST.json]", type=click.File("rb"), required=False)
@click.option("--key", required=True, type=FILE, help="The EHR's private key, in PEM.")
@click.option("--issuer", metavar="URI", help="The claim iss  [default: the issuer of the only client in the settings]")
@click.option("--audience", metavar="URL", help="The claim aud  [default: URL]")
@click.option("--kid", help="The id of the key  [default: its thumbprint, as `clients add` writes it]")
@SETTINGS
def call(
    url: str,
    body: IO[bytes] | None,
    key: Path,
    issuer: str | None,
    audience: str | None,
    kid: str | None,
    file: Path | None,
) -> None:
    """Sign a request as an EHR, post it, and print the answer. Without REQUEST.json, send an example."""
    from service.app import http_client
    from service.command import calling

    settings = load_settings(file, True, (), ())
    known = [client.issuer for client in settings.clients.values()]
    if issuer is None and len(known) != 1:
        raise click.UsageError("give --issuer: the settings do not hold exactly one client")
    http = http_client(settings, peer=calling.PEER)
    sent = body.read() if body else None
    try:
        answer = calling.call(url, key.read_bytes(), issuer or known[0], audience, kid, sent, http)
    except calling.CallError as error:
        refuse(str(error))
    click.echo(answer.body.decode(errors="replace"))
    if answer.status != 200:
        refuse(f"the service answered {answer.status}")
