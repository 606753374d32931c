"""Keyed hashes: that two rows are about the same patient can be seen, and who it is cannot."""

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
FEWEST = 32  # characters of a key: 128 bits, where they are hexadecimal digits

Hash = Callable[..., str]
"""Says of texts that together name somebody (the tenant, the type, the id) by what they are known here."""


class HashKeyError(StartError):
    """The key of the hashes cannot be read or made; the message says why, and holds nothing of it."""


def keyed_hash(key: str) -> Hash:
    """HMAC-SHA256 of the texts under a key, in 64 hexadecimal digits."""
    keyed = hmac.new(key.encode(), digestmod="sha256")  # once: to key it takes as long as to hash

    def hashed(*texts: str) -> str:
        own = keyed.copy()
        own.update("\0".join(texts).encode(errors="replace"))
        return own.hexdigest()

    return hashed


def no_hash(*_: str) -> str:
    """Where there is no key nobody is known by anything: the empty text."""
    return ""


def own_key(folder: Path) -> str:
    """The key in a file of the folder, which is made when it is not there, for its owner alone.

    Of several that start at once one makes it. Raises HashKeyError.
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
            os.link(whole, file)  # at once and whole, or not at all
    finally:
        os.close(number)
        whole.unlink()
