"""`store`: export what is remembered, forget it, and copy it, while the service runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.command.options import SETTINGS, Age, Moment, load_settings, refuse

if TYPE_CHECKING:
    from service.memory.forgetting import Forgotten
    from service.settings import Settings
    from service.store.database import Database


@click.group()
def store() -> None:
    """Export, forget or copy what the service remembers. The service may keep running."""


@store.command()
@click.option("--since", type=Moment(), help="Start of the period, a date or time  [default: the oldest]")
@click.option("--until", type=Moment(), help="End of the period, not included  [default: now]")
@click.option("--out", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--not-applicable", "is_whole", is_flag=True, help="Include the rules that were not applicable.")
@SETTINGS
def export(since: datetime | None, until: datetime | None, folder: Path, is_whole: bool, file: Path | None) -> None:
    """Write FHIR R4 to DIR: GuidanceResponse.ndjson and AuditEvent.ndjson.

    Patients, encounters and users are identified by their keyed hashes.
    """
    from service.errors import ServiceError
    from service.memory.export import export as write

    settings = load_settings(file, False, (), ())
    start = _milliseconds(since, settings) if since else 0
    end = _milliseconds(until or datetime.now(UTC), settings)
    if end <= start:
        raise click.BadParameter("the period is empty: its end is not after its start", param_hint="--since")
    try:
        done = write(_opened(settings), folder, start, end, is_whole=is_whole)
    except ServiceError as error:
        refuse(f"nothing was exported: {error}")
    except OSError as error:
        refuse(f"nothing was exported: {folder} cannot be written: {error.strerror}")
    click.echo(f"{done.guidance_responses} GuidanceResponse and {done.audit_events} AuditEvent written to {folder}")


@store.command()
@click.option("--older-than", "age", required=True, type=Age(), help="Age in days, such as 365d; at least 1d.")
@SETTINGS
def purge(age: timedelta, file: Path | None) -> None:
    """Forget everything older than an age. The service does this by itself after keep_days."""
    from service.errors import ServiceError
    from service.memory import forgetting

    settings = load_settings(file, False, (), ())
    before = _milliseconds(datetime.now(UTC) - age, settings)
    try:
        gone = forgetting.purge(_opened(settings), before)
    except ServiceError as error:
        refuse(f"not everything was forgotten: {error}; run the command again")
    _say(gone)


@store.command()
@click.option("--patient", required=True, metavar="ID", help="The id of the patient on the client's FHIR server.")
@click.option("--client", required=True, metavar="NAME", help="The client in the settings.")
@click.option("--tenant", metavar="URL", help="One FHIR server of the client, by its base address  [default: all]")
@SETTINGS
def forget(patient: str, client: str, tenant: str | None, file: Path | None) -> None:
    """Forget one patient of a client: evaluations, cards and the feedback on them."""
    from service.app import hashing
    from service.errors import ServiceError
    from service.fhir.address import read_address
    from service.memory.forgetting import forget_patient
    from service.store.hashing import FILE

    settings = load_settings(file, False, (), ())
    if client not in settings.clients:
        raise click.BadParameter(f"there is no client {client}: see `clients list`", param_hint="--client")
    address = read_address(tenant) if tenant is not None else None
    if tenant is not None and address is None:
        raise click.BadParameter("it is not the http or https address of a FHIR server", param_hint="--tenant")
    if settings.hash_key is None and not (settings.data_dir and (settings.data_dir / FILE).exists()):
        refuse("no patient can be identified: the key of the hashes is missing (hash_key, or hash.key in data_dir)")
    identity = patient.removeprefix("Patient/")
    try:
        gone = forget_patient(_opened(settings), hashing(settings), client, identity, address.url if address else None)
    except ServiceError as error:
        refuse(f"not everything was forgotten: {error}; run the command again")
    _say(gone)
    if not gone.evaluations:
        click.echo(
            f"Under the key of the hashes in use, {client} has asked about no remembered patient with this id"
            f"{f' of {address.url}' if address else ''}."
        )


@store.command()
@click.argument("copy", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@SETTINGS
def backup(copy: Path, file: Path | None) -> None:
    """Copy an SQLite store to FILE. For PostgreSQL, use pg_dump."""
    import sqlite3

    from service.store.backup import back_up, is_of
    from service.store.database import place

    settings = load_settings(file, False, (), ())
    url = place(settings.store_address, settings.data_dir)
    if url.get_backend_name() != "sqlite" or not url.database:
        refuse("the store is PostgreSQL: use pg_dump to copy it")
    if is_of(Path(url.database), copy):
        # services would go on writing to the old file, which nobody sees any more
        raise click.BadParameter("it is the store itself: name another file", param_hint="FILE")
    try:
        back_up(Path(url.database), copy)
    except OSError as error:
        refuse(f"nothing was copied: {copy} cannot be written: {error.strerror}")
    except sqlite3.Error as error:
        refuse(f"nothing was copied: {url.database} cannot be read: {type(error).__name__}")
    click.echo(f"{url.database} copied to {copy}; the key of its hashes is a separate file: keep it elsewhere")


def _opened(settings: Settings) -> Database:
    """The store, with its tables. Raises StoreFailedError."""
    from service.store.database import Database, place, prepare

    url = place(settings.store_address, settings.data_dir)
    prepare(url)
    return Database(url, is_durable=True)


def _milliseconds(moment: datetime, settings: Settings) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=settings.zone)).timestamp() * 1000)


def _say(gone: Forgotten) -> None:
    click.echo(f"Forgotten: {gone.evaluations} evaluations, {gone.cards} cards, {gone.feedback} entries of feedback")
