"""The reports that the page shows: made one at a time across all workers, and kept for some minutes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from service.errors import ServiceError
from service.reporting.asking import Asked
from service.reporting.child import Order
from service.settings import Settings

FRESH_S = 600  # a report is shown again for this long
FAILED_S = 30  # before a failed report is tried again
_OLD_S = 3600  # after which a file is removed


class ReportFailedError(ServiceError):
    """A report could not be made; the message says why."""


class Kept:
    """The reports in a folder that the workers of a service share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        top = settings.data_dir or Path(tempfile.gettempdir()) / f"foot-drop-cds-{os.getuid()}"
        self._folder = top / "reports"
        self._started: list[subprocess.Popen[bytes]] = []

    def get(self, asked: Asked, words: Sequence[str], form: str) -> str | None:
        """The report that was asked for in these words; None while it is being made.

        If it does not exist, this starts making it, unless another report is being made. Raises ReportFailedError, and
        OSError if the folder cannot be used.
        """
        self._started = [one for one in self._started if one.poll() is None]
        name = hashlib.sha256("\0".join([*words, form]).encode()).hexdigest()[:32]
        file, failed = self._folder / f"{name}.{form}", self._folder / f"{name}.failed"
        if (text := _read(file, FRESH_S)) is not None:
            return text
        if (why := _read(failed, FAILED_S)) is not None:
            raise ReportFailedError(why)
        self._prepare()
        self._start(asked, form, file, failed)
        return None

    def close(self) -> None:
        """End the processes that are making reports."""
        for child in self._started:
            child.kill()
            child.wait()
        self._started.clear()

    def _prepare(self) -> None:
        """Create the folder, readable only by this user, and remove old files from it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self._folder, *([] if self._settings.data_dir else [self._folder.parent])):
            state = folder.lstat()
            if state.st_uid != os.getuid() or folder.is_symlink():
                raise PermissionError(0, "the folder of the reports belongs to another user")
        for old in self._folder.iterdir():
            with suppress(OSError):
                if old.is_file() and time.time() - old.stat().st_mtime > _OLD_S:
                    old.unlink()

    def _start(self, asked: Asked, form: str, file: Path, failed: Path) -> None:
        """Start the process that makes the report. It holds the lock as long as it lives, however it ends."""
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            order = Order(
                asked=asked,
                store_url=self._settings.store_address,
                data_dir=str(self._settings.data_dir) if self._settings.data_dir else None,
                least=self._settings.report_small_counts,
                zone=self._settings.time_zone,
                form=form,
                file=str(file),
                failed=str(failed),
            )
            child = subprocess.Popen(
                [sys.executable, "-m", "service.reporting.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(lock,),
                env={**os.environ, "MPLCONFIGDIR": str(self._folder)},  # the list of fonts is kept there
            )
            self._started.append(child)
            if child.stdin is not None:
                with suppress(BrokenPipeError):
                    child.stdin.write(msgspec.json.encode(order))
                    child.stdin.close()
        finally:
            os.close(lock)


def _read(file: Path, seconds: float) -> str | None:
    """The text of a file that is at most this many seconds old; None if there is none."""
    try:
        if time.time() - file.stat().st_mtime > seconds:
            return None
        return file.read_bytes().decode()
    except OSError:
        return None
