"""Standard error, written so that nothing ever waits for it or fails because of it; lost lines are counted."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
import termios
from io import UnsupportedOperation
from typing import TextIO

# Bytes that may wait in a pipe (64 KiB on Linux) when a line is added: several workers may add one at the same time.
_WAITING = 32 * 1024


class Output:
    """The output for a structlog logger: standard error, as it is at that moment."""

    def __init__(self) -> None:
        self.lost = 0
        """The number of lines that could not be written, because nobody reads them or there is no room."""
        self._stream: TextIO | None = None
        self._file: _File | None = None

    def msg(self, line: str) -> None:
        """Write a line immediately or not at all."""
        try:
            is_written = self._write(line)
        except (OSError, ValueError):  # ValueError: the stream is closed
            is_written = False
        self.lost += not is_written

    debug = info = warning = error = critical = msg

    def _write(self, line: str) -> bool:
        stream = sys.stderr
        if stream is not self._stream:
            self._stream, self._file = stream, _file(stream)
        if self._file is not None:
            return self._file.write(f"{line}\n".encode())
        if stream is None:  # closed before the start
            return False
        stream.write(f"{line}\n")
        return True


class _File:
    """An open file that is written to without waiting.

    Not by O_NONBLOCK: others share the file, the shell that started us among them.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        mode = os.fstat(number).st_mode
        self._is_pipe = stat.S_ISFIFO(mode)
        self._poll = None if stat.S_ISREG(mode) else select.poll()
        if self._poll:
            self._poll.register(number, select.POLLOUT)

    def write(self, data: bytes) -> bool:
        """Write the data; returns whether all of it could be written immediately. Raises OSError."""
        if self._poll and not self._poll.poll(0):
            return False
        if self._is_pipe and self._waiting() >= _WAITING:
            return False
        return os.write(self._number, data) == len(data)

    def _waiting(self) -> int:
        return int.from_bytes(fcntl.ioctl(self._number, termios.FIONREAD, b"\0" * 4), sys.byteorder)


def _file(stream: TextIO | None) -> _File | None:
    try:
        return _File(stream.fileno()) if stream else None
    except UnsupportedOperation:  # a stream without a file
        return None
