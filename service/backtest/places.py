"""Where a line stands: of a plain file on this machine it is not copied, but read again when it is judged."""

from __future__ import annotations

import os
from typing import NamedTuple, Self

from service.backtest.errors import BacktestError
from service.backtest.export import PLAIN, Source

_LOCAL = "file://"
_MOST_OPEN = 100  # files
_CHANGED = "{} was changed since it was read: start again with another --out"


class Place(NamedTuple):
    """Where a line stands in a file that was last changed at `stamp`, or the line itself."""

    path: str
    stamp: int
    start: int
    size: int
    line: bytes | None


def local_file(source: Source) -> tuple[str, int] | None:
    """The path of a plain file on this machine, and when it was changed; None when it is packed, or elsewhere."""
    path = source.path.removeprefix(_LOCAL)
    if path == source.path or not path.endswith(PLAIN):
        return None
    return path, os.stat(path).st_mtime_ns


class Files:
    """Reads lines where they stand, from files that stay open meanwhile."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def line(self, place: Place) -> bytes:
        """The line. Raises BacktestError when the file is no longer what it was, and OSError."""
        if place.line is not None:
            return place.line
        file = self._open.get(place.path)
        if file is None:
            file = self._opened(place)
        line = os.pread(file, place.size, place.start)
        if len(line) != place.size:
            raise BacktestError(_CHANGED.format(place.path))
        return line

    def _opened(self, place: Place) -> int:
        if len(self._open) >= _MOST_OPEN:
            self.__exit__()
        file = self._open[place.path] = os.open(place.path, os.O_RDONLY)
        if os.fstat(file).st_mtime_ns != place.stamp:
            raise BacktestError(_CHANGED.format(place.path))
        return file
