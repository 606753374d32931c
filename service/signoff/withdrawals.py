"""Which approvals are withdrawn: the file is checked at intervals while the service runs.

Only withdrawals take effect in this way. A new approval counts from the next start: it is checked against the sources
of the rules as they are on disk, and those may be newer than what this process runs.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

from service.middleware.log import logger
from service.signoff.records import RefusedSignoffError, Signoffs, read

State = tuple[int, int, int] | None
"""The inode, the time of the last change, and the size of a file; None if it is away."""

LOOK_S = 20  # seconds between two looks at the file, the same as for modes
_UNSEEN: State = (-1, -1, -1)  # the first look reads the file: it may have changed since it was read at the start


class Withdrawals:
    """When called, tells by rule who withdrew the approval that was read at the start, and why.

    While the file is missing or refused, what was known before still counts, and the log says so.
    """

    def __init__(
        self,
        file: Path | None,
        first: Signoffs,
        today: Callable[[], datetime.date],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._file = file
        self._records = first.newest()
        self._today = today
        self._clock = clock
        self._state = self._refused = _UNSEEN
        self._looked = clock()
        self._why = self._of(first)

    def __call__(self) -> Mapping[str, str]:
        """The known withdrawals, no older than LOOK_S while requests come."""
        if self._records and self._clock() - self._looked > LOOK_S:
            self._looked = self._clock()
            self._look()
        return self._why

    def _look(self) -> None:
        state = _state(self._file)
        if self._file is None or state == self._state:
            return
        try:
            if state is None:
                raise RefusedSignoffError("it is away")
            why = self._of(read(self._file, self._today()))
        except RefusedSignoffError:
            if state != self._refused:  # it is read again at each look, and reported once
                logger().error("sign-offs not read", why="the file is away or refused: see signoff list")
            self._refused = state
            return
        self._state = state
        for rule in why.keys() - self._why.keys():
            logger().warning("sign-off withdrawn", rule=rule)
        self._why = why

    def _of(self, signoffs: Signoffs) -> dict[str, str]:
        withdrawn = {rule: signoffs.withdrawal(record) for rule, record in self._records.items()}
        gone = {
            rule: "its record was taken out of the file"
            for rule, record in self._records.items()
            if record not in signoffs.signed
        }
        return gone | {
            rule: f"by {one.name}, {one.role}, on {one.date}: {one.reason}" for rule, one in withdrawn.items() if one
        }


def _state(file: Path | None) -> State:
    """A value that changes when the file is replaced or altered; None without a file."""
    try:
        status = file.stat() if file else None
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size) if status else None
