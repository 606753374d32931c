"""Where a line is: one of a plain file on this machine is not copied, but read again when its patient is judged."""

from __future__ import annotations

import os
from typing import Self

from service.backtest.errors import BacktestError
from service.backtest.export import PLAIN, Source

_LOCAL = "file://"
_MOST_OPEN = 100  # files
_AHEAD = 8 << 10  # bytes that are read at once: the lines of a patient are often next to each other
_CHANGED = "{} was changed since it was read: start again with another --out"


def local_file(source: Source) -> tuple[str, int] | None:
    """The path of a plain file on this machine, and when it was changed; None if it is compressed or elsewhere."""
    path = source.path.removeprefix(_LOCAL)
    if path == source.path or not path.endswith(PLAIN):
        return None
    return path, os.stat(path).st_mtime_ns


class Files:
    """Reads lines in place, from files that stay open meanwhile; each read also fetches what follows the line."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._ahead: dict[str, tuple[int, bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ahead.clear()
        while self._open:
            os.close(self._open.popitem()[1])

    def line(self, path: str, stamp: int, start: int, size: int, line: bytes | None) -> bytes:
        """The line itself if it is held, else what is at this place in a file that was last changed at `stamp`.

        Raises BacktestError if the file has changed since, and OSError.
        """
        if line is not None:
            return line
        ahead = self._ahead.get(path)
        if ahead is not None and ahead[0] <= start and start + size <= ahead[0] + len(ahead[1]):
            return ahead[1][start - ahead[0] : start - ahead[0] + size]
        return self._read(path, stamp, start, size)

    def _read(self, path: str, stamp: int, start: int, size: int) -> bytes:
        file = self._open.get(path)
        if file is None:
            file = self._opened(path, stamp)
        read = os.pread(file, max(size, _AHEAD), start)
        if len(read) < size:
            raise BacktestError(_CHANGED.format(path))
        self._ahead[path] = start, read
        return read[:size]

    def _opened(self, path: str, stamp: int) -> int:
        if len(self._open) >= _MOST_OPEN:
            self.__exit__()
        file = self._open[path] = os.open(path, os.O_RDONLY)
        if os.fstat(file).st_mtime_ns != stamp:
            raise BacktestError(_CHANGED.format(path))
        return file
