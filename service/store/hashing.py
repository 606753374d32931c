"""Keyed hashes. They show that two rows are about the same patient, but not who that is."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from service.errors import StartError

FILE = "hash.key"
FEWEST = 32  # characters of a key: 128 bits if they are hexadecimal digits

Hash = Callable[..., str]
"""Turns texts that together identify somebody (the tenant, the type, the id) into the name that is kept here."""


class HashKeyError(StartError):
    """The key of the hashes cannot be read or created; the message says why, and contains no part of the key."""


def keyed_hash(key: str) -> Hash:
    """HMAC-SHA256 of the texts under a key, in 64 hexadecimal digits."""
    keyed = hmac.new(key.encode(), digestmod="sha256")  # once: setting the key takes as long as hashing

    def hashed(*texts: str) -> str:
        own = keyed.copy()
        own.update("\0".join(texts).encode(errors="replace"))
        return own.hexdigest()

    return hashed


def no_hash(*_: str) -> str:
    """The empty text: without a key, nobody gets a name."""
    return ""


def own_key(folder: Path) -> str:
    """The key in a file of the folder. If the file is missing, it is created, readable only by its owner.

    If several processes start at once, one creates it. Raises HashKeyError.
    """
    file = folder / FILE
    try:
        if not file.exists():
            _make(file)
        if stat.S_IMODE(file.stat().st_mode) & stat.S_IRWXO:
            raise HashKeyError(f"{file} can be read by everybody on this machine: chmod 600 {file}")
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise HashKeyError(f"{file} cannot be read or created: {why}") from None
    if len(key) < FEWEST:
        raise HashKeyError(f"{file} holds no key of at least {FEWEST} characters")
    return key


def _make(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole = file.with_name(f"{FILE}.{secrets.token_hex(8)}")
    number = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(number, secrets.token_hex(32).encode())
        os.fsync(number)
        with suppress(FileExistsError):
            os.link(whole, file)  # complete in one step, or not at all
    finally:
        os.close(number)
        whole.unlink()
