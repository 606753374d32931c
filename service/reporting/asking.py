"""What a report covers: a period, and perhaps one rule and one client."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from msgspec import Struct

DAYS = 90  # covered by a report unless another start is given
_DAY_MS = 86_400_000
_MOST_DAYS_BY_DAY = 100  # longer periods are counted by week, so that a chart stays readable
_MOST_DAYS_BY_WEEK = 750  # longer periods are counted by four weeks
_MOST_POINTS = 1000


class Asked(Struct, frozen=True):
    """A period, from `start` up to but not including `end`, in milliseconds since 1970; one rule and client, or all.

    It is divided into pieces of `width` milliseconds.
    """

    start: int
    end: int
    width: int
    rule: str = ""
    client: str = ""

    @property
    def pieces(self) -> int:
        """The number of pieces in the period; the last may be cut short."""
        return -(-(self.end - self.start) // self.width)

    def beginning(self, piece: int) -> int:
        """The moment at which a piece begins."""
        return self.start + piece * self.width


def asked(since: datetime | None, until: datetime, zone: tzinfo, rule: str = "", client: str = "") -> Asked:
    """The period from `since`, or from midnight 90 days before `until`; a time without an offset is in `zone`.

    Raises ValueError for an empty period.
    """
    end = _of(until, zone)
    start = (end - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    if since is not None:
        start = _of(since, zone)
    length = _milliseconds(end) - _milliseconds(start)
    if length <= 0:
        raise ValueError("the period is empty: its end is not after its start")
    days = length / _DAY_MS
    width = 1 if days <= _MOST_DAYS_BY_DAY else 7 if days <= _MOST_DAYS_BY_WEEK else 28
    while days / width > _MOST_POINTS:
        width *= 2
    return Asked(_milliseconds(start), _milliseconds(end), width * _DAY_MS, rule, client)


def _of(moment: datetime, zone: tzinfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
