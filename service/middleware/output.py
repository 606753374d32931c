"""Standard error, written so that nothing ever waits for it or fails with it: what cannot be written is counted."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
import termios

# Bytes that may wait in a pipe (64 KiB on Linux) when a line is added: several workers may add one at the same moment.
_WAITING = 32 * 1024


class Output:
    """What a logger of structlog writes to: standard error, as it is now."""

    def __init__(self) -> None:
        self.lost = 0
        """How many lines could not be written: nobody reads them, or no room is left."""

    def msg(self, line: str) -> None:
        """Write a line, at once or not at all."""
        try:
            is_written = _write(line)
        except (OSError, ValueError):  # ValueError: the stream is closed
            is_written = False
        self.lost += not is_written

    debug = info = warning = error = critical = msg


def _write(line: str) -> bool:
    stream = sys.stderr
    if stream is None:  # it was closed before the start
        return False
    try:
        number = stream.fileno()
    except OSError:  # a stream without a file
        stream.write(f"{line}\n")
        return True
    data = f"{line}\n".encode()
    # Not O_NONBLOCK: others share the file, the shell that started us among them.
    return _has_room(number) and os.write(number, data) == len(data)


def _has_room(number: int) -> bool:
    """Whether a line can be written without waiting."""
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        return True
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    if not poll.poll(0):
        return False
    if not stat.S_ISFIFO(mode):
        return True
    waiting = fcntl.ioctl(number, termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(waiting, sys.byteorder) < _WAITING
