"""Copies an SQLite store while services write to it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path


def is_of(store: Path, file: Path) -> bool:
    """Whether a file is the store, or one of the files that SQLite keeps next to it."""
    own = store.resolve()
    return file.resolve() in (own, *(own.with_name(f"{own.name}-{end}") for end in ("wal", "shm", "journal")))


def back_up(store: Path, copy: Path) -> None:
    """Copy the store, as it is at one moment, into a file. The file appears complete, and only its owner can read it.

    It must not be one of the store's own files: see `is_of`. Raises OSError and sqlite3.Error.
    """
    part = copy.with_name(f"{copy.name}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        read_only = f"{store.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(read_only, uri=True)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, without a journal next to it
        part.replace(copy)
    finally:
        part.unlink(missing_ok=True)
