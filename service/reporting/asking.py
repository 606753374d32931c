"""What a report is asked of: a period, and perhaps one rule and one client."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from msgspec import Struct

DAYS = 90  # that a report covers unless it is told another beginning
_DAY_MS = 86_400_000
_MOST_DAYS_BY_DAY = 100  # more are counted by week, so that a chart stays readable
_MOST_DAYS_BY_WEEK = 750  # and more by four weeks
_MOST_POINTS = 1000


class Asked(Struct, frozen=True):
    """A period, `start` to before `end`, in milliseconds since 1970; a rule and a client, or all of them.

    It is counted in pieces of `width` milliseconds.
    """

    start: int
    end: int
    width: int
    rule: str = ""
    client: str = ""

    @property
    def pieces(self) -> int:
        """Into how many pieces the period falls; the last may be cut short."""
        return -(-(self.end - self.start) // self.width)

    def beginning(self, piece: int) -> int:
        """When a piece begins."""
        return self.start + piece * self.width


def asked(since: datetime | None, until: datetime, zone: tzinfo, rule: str = "", client: str = "") -> Asked:
    """The period from `since`, or from the midnight 90 days before `until`; a time without offset is of the zone.

    Raises ValueError for a period that is empty.
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
