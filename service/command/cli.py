"""The command foot-drop-cds. Exit codes: 0 done, 1 refused or a finding, 2 wrong usage."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import IO

import click

from service.command.backtest_command import backtest
from service.command.backtest_report_command import backtest_report
from service.command.client_commands import call, clients
from service.command.options import SETTINGS, FhirServer, Moment, load_settings, refuse
from service.command.report_commands import report
from service.command.rule_commands import rules
from service.command.signoff_commands import signoff
from service.command.store_commands import store

# Each command imports what it needs, so that the supervisor of `serve` stays small and --help is quick.


_FHIR_SERVERS = click.option(
    "--allow-fhir-server",
    "servers",
    multiple=True,
    metavar="URL",
    help="FHIR server that the service may read; repeatable.",
)


@click.group()
@click.version_option(package_name="foot-drop-cds")
def main() -> None:
    """CDS Hooks service for foot drop from a spinal nerve source."""


@main.command()
@click.option("--dev", is_flag=True, help="Development mode: loopback only, no authentication.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 means any free one."
)
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Worker processes.")
@SETTINGS
@_FHIR_SERVERS
@click.option("--allow-origin", "origins", multiple=True, metavar="URL", help="Web origin that may call; repeatable.")
def serve(
    dev: bool,
    host: str,
    port: int,
    workers: int,
    file: Path | None,
    servers: tuple[str, ...],
    origins: tuple[str, ...],
) -> None:
    """Run the service until it is interrupted. It prints its address once it answers."""
    from service import server
    from service.errors import StartError

    settings = load_settings(file, dev, servers, origins)

    def say(line: str) -> None:
        click.echo(line)
        if dev and line.startswith("Listening"):
            click.echo(f"Simulator: {line.removeprefix('Listening on ')}/simulator")

    try:
        server.serve(settings, host, port, workers, say)
    except StartError as error:
        refuse(str(error))


@main.command()
@click.argument("body", metavar="REQUEST.json", type=click.File("rb"))
@click.option("--now", type=Moment(), help="Date and time of the evaluation  [default: now]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people, JSON for tools.",
)
@click.option("--client", metavar="NAME", help="Evaluate as for this client: signed rules, modes, and what is quiet.")
@SETTINGS
@_FHIR_SERVERS
def explain(
    body: IO[bytes], now: datetime | None, form: str, client: str | None, file: Path | None, servers: tuple[str, ...]
) -> None:
    """Explain each rule's verdict on a request. `-` reads standard input.

    The request is evaluated exactly as by `serve --dev`, or, with --client, as by `serve` for that client. Cards come
    first, then the silent rules, and why they are silent.
    """
    from rich.console import Console

    from service import explain as words
    from service.app import evaluated, evaluator
    from service.command.explaining import show
    from service.errors import ServiceError
    from service.hooks import check_hook
    from service.wire.refusal import RefusedError, outcome
    from service.wire.request import read

    settings = load_settings(file, client is None, servers, ())
    if client is not None and client not in settings.clients:
        raise click.BadParameter(f"there is no client {client}: see `clients list`", param_hint="--client")
    if now is not None and now.tzinfo is None:
        now = now.replace(tzinfo=settings.zone)
    try:
        if client is not None:
            request, evaluation = evaluated(settings, client, body.read(), now)
        else:
            request = read(body.read())
            check_hook(request.hook)
            evaluation = evaluator(settings, now).evaluate(request)
    except RefusedError as error:
        click.echo(outcome(error.status, "; ".join(filter(None, (error.message, error.aside))), error.field))
        sys.exit(1)
    except ServiceError as error:
        refuse(str(error))
    if form == "json":
        click.echo(json.dumps(words.as_json(request.hook, evaluation), indent=2, allow_nan=False))
    else:
        show(Console(highlight=False), request.hook, evaluation)


@main.command()
@click.argument("name", required=False)
def example(name: str | None) -> None:
    """Print the request of an example, with its dates shifted to now. Without NAME, list the examples."""
    from datetime import UTC

    from service import examples

    if name is None:
        for listed, title in examples.names().items():
            click.echo(f"{listed}  {title}")
        return
    try:
        chosen = examples.load(name)
    except examples.UnknownExampleError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from None
    click.echo(json.dumps(chosen.at(datetime.now(UTC)).request, indent=2))


@main.command()
def demo() -> None:
    """Start the service, post every example to it, and print the cards."""
    from rich.console import Console

    from service.command import demo as show

    try:
        is_right = show.run(Console(highlight=False))
    except show.NotStartedError as error:
        refuse(str(error))
    if not is_right:
        sys.exit(1)


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@SETTINGS
def publish(folder: Path, file: Path | None) -> None:
    """Publish the rules to DIR. Writes FHIR resources, and for each rule a page to sign and its source attributes."""
    from rich.console import Console

    from service.app import signing
    from service.command.progress import progress
    from service.errors import ServiceError
    from service.publish.library import Library

    try:
        library = Library(signing(load_settings(file, False, (), ())))
        with progress("Publishing", None, Console(stderr=True)) as advance:
            count = library.write(folder, advance)
    except ServiceError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{folder} cannot be written: {error.strerror}")
    click.echo(f"{count} files written to {folder}")


@main.command()
@click.argument("url", metavar="URL", type=FhirServer())
@click.option(
    "--wait", type=click.IntRange(0), default=300, show_default=True, help="Seconds to wait for the server to start."
)
@SETTINGS
def load(url: str, wait: int, file: Path | None) -> None:
    """Load the example patients into a FHIR server, with their dates shifted to now."""
    from datetime import UTC

    from rich.console import Console

    from service import examples
    from service.app import http_client
    from service.command import loading
    from service.command.progress import progress

    http = http_client(load_settings(file, True, (), ()))
    names = examples.names()
    said = Console(stderr=True)
    try:
        with progress("Waiting for the server", None, said):
            loading.wait(url, wait, http)
        with progress("Loading", len(names), said) as advance:
            for _ in loading.load(url, datetime.now(UTC), http):
                advance()
    except loading.LoadError as error:
        refuse(str(error))
    click.echo(f"{len(names)} patients loaded into {url}")


main.add_command(clients)
main.add_command(call)
main.add_command(signoff)
main.add_command(rules)
main.add_command(store)
main.add_command(backtest)
main.add_command(backtest_report)
main.add_command(report)

if __name__ == "__main__":
    main()
