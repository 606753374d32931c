"""`make sandbox`: HAPI on loopback with every example in it, and the service with it, until Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from service import examples
from service.command import loading
from tests.hapi import build
from tests.hapi.hapi import DATABASE, Hapi, NotStartedError

_DATA = Path("data") / "fhir"
_STOP_SECONDS = 15


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="The service's; 0: free.")
@click.option("--fhir-port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="HAPI's; 0: free.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), default=_DATA, show_default=True)
@click.option("--fresh", is_flag=True, help="Forget what an earlier sandbox kept there.")
def main(port: int, fhir_port: int, data: Path, *, fresh: bool) -> None:
    """Start a HAPI FHIR server with every example, and the service that may read it; Ctrl-C ends both."""
    lacking = build.missing()
    if lacking:
        _refuse(f"The sandbox cannot start: {lacking}.")
    # SIGINT too, because a shell ignores it in programs that it starts in the background
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    if fresh:
        _forget(data)
    console = Console(highlight=False)
    try:
        with _loaded(console, data, fhir_port) as hapi, _service(port, hapi) as service:
            _say(console, hapi, service)
            _watch(hapi, service)
    except KeyboardInterrupt:
        console.print("\nThe sandbox has ended.")
    except (build.NotBuiltError, NotStartedError, loading.LoadError) as error:
        _refuse(str(error))


def _forget(data: Path) -> None:
    """Remove the files of the database, and nothing else in the folder."""
    for path in data.glob(f"{DATABASE}.*"):
        path.unlink()


@contextmanager
def _loaded(console: Console, data: Path, port: int) -> Iterator[Hapi]:
    """HAPI with every example, written for this moment. Raises NotBuiltError, NotStartedError, LoadError."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        building = progress.add_task("Building HAPI (files fetched)", total=None)
        build.build(lambda count: progress.update(building, completed=count))
        progress.remove_task(building)
        starting = progress.add_task("Starting HAPI", total=None)
        with Hapi(data, port) as hapi:
            progress.remove_task(starting)
            loaded = loading.load(hapi.base, datetime.now(UTC))
            for _ in progress.track(loaded, total=len(examples.names()), description="Loading the examples"):
                pass
            progress.stop()
            yield hapi


@contextmanager
def _service(port: int, hapi: Hapi) -> Iterator[subprocess.Popen[str]]:
    """`serve --dev`, allowed to read that server. No process is left behind."""
    command = [sys.executable, "-m", "service.command.cli", "serve", "--dev", "--port", str(port)]
    command += ["--allow-fhir-server", hapi.base]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _say(console: Console, hapi: Hapi, service: subprocess.Popen[str]) -> None:
    line = service.stdout.readline().strip() if service.stdout else ""
    if not line.startswith("Listening on "):
        raise NotStartedError("The service did not start.")  # it has already said why
    address = line.removeprefix("Listening on ")
    console.print(f"FHIR server  {hapi.base} ({len(examples.names())} patients: {hapi.base}/Patient)")
    console.print(f"CDS service  {address}/cds-services")
    console.print(f"Simulator    {address}/simulator")
    console.print("Ctrl-C ends both.")


def _watch(hapi: Hapi, service: subprocess.Popen[str]) -> None:
    """Wait until one of them ends by itself, which is a fault. Raises NotStartedError."""
    while True:
        time.sleep(0.2)
        for name, process in (("HAPI", hapi.process), ("The service", service)):
            if process.poll() is not None:
                raise NotStartedError(f"{name} ended of itself with status {process.returncode}.")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _refuse(sentence: str) -> None:
    click.echo(sentence, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
