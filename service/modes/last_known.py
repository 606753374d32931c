"""The modes that were last read, in a file of `data_dir`: a worker that starts while the store is away uses them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec

from service.middleware.log import logger
from service.modes.quiet import Change, in_force

FILE = "rule_modes.json"


class LastKnown:
    """Keeps the modes in a file that all workers of this machine share. Without a folder, it keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / FILE if folder else None
        self._kept = b""

    def keep(self, changes: Iterable[Change]) -> None:
        """Keep the changes that are in force, all or none. If the file cannot be written, the log says so."""
        written = msgspec.json.encode(list(in_force(changes).values()))
        if self._file is None or written == self._kept:
            return
        try:
            _write(self._file, written)
        except OSError as error:
            logger().error("rule modes not kept", why=type(error).__name__)
            return
        self._kept = written

    def read(self) -> list[Change] | None:
        """The changes that any worker kept last; None if there are none, or if they cannot be read."""
        if self._file is None:
            return None
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[Change])
        except (OSError, msgspec.DecodeError):
            return None


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    number = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(number, "wb") as opened:
            opened.write(content)
        whole.replace(file)
    except OSError:
        whole.unlink(missing_ok=True)
        raise
