"""Time as records write it: R4 dates and instants, seen from one now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from cards.record.moments import Clock, Moment, newest

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CLOCK = Clock(NOW)
DAY = timedelta(days=1)


def at(text: str) -> Moment:
    moment = CLOCK.read(text)
    assert moment is not None
    return moment


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-02-25", date(2026, 2, 25)),
        ("2026-02", date(2026, 2, 28)),
        ("2024-02", date(2024, 2, 29)),
        ("2025-04", date(2025, 4, 30)),
        ("2025", date(2025, 12, 31)),
        ("0001", date(1, 12, 31)),
        (" 2026-02-25 ", date(2026, 2, 25)),
    ],
)
def test_a_date_has_no_clock_time_and_a_month_or_year_stands_for_its_last_day(text: str, day: date) -> None:
    assert CLOCK.read(text) == Moment(day)


@pytest.mark.parametrize("text", ["2026", "2026-03", "2026-03-02", "2026-03-03", "2026-12-31", "9999"])
def test_a_date_is_never_after_today(text: str) -> None:
    assert CLOCK.read(text) == Moment(NOW.date())


@pytest.mark.parametrize(
    "text",
    ["2026-03-02T10:00:00Z", "2026-03-02T10:00:01Z", "2027-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"],
)
def test_an_instant_after_now_is_now(text: str) -> None:
    assert at(text).instant == NOW
    assert CLOCK.age(at(text)) == timedelta()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00+00:00", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00-05:00", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00+05:45", datetime(2026, 3, 1, 3, 45, tzinfo=UTC)),
        ("2026-03-01T09:30:00+14:00", datetime(2026, 2, 28, 19, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00-14:00", datetime(2026, 3, 1, 23, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00.5Z", datetime(2026, 3, 1, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01T09:30:00.123456789Z", datetime(2026, 3, 1, 9, 30, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T09:30:00", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_with_its_offset(text: str, instant: datetime) -> None:
    assert at(text).instant == instant


def test_a_time_without_offset_is_in_the_zone_of_now() -> None:
    clock = Clock(datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=2))))
    moment = clock.read("2026-03-02T09:00:00")
    assert moment is not None
    assert moment.instant == datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


def test_the_day_of_an_instant_is_that_of_the_zone_of_now() -> None:
    clock = Clock(datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=2))))
    moment = clock.read("2026-02-28T23:00:00Z")
    assert moment is not None
    assert moment.day == date(2026, 3, 1)
    assert at("2026-03-01T01:00:00+02:00").day == date(2026, 2, 28)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "2026-02-30",
        "2026-13-01",
        "2026-00-10",
        "2025-02-29",
        "2026-1-2",
        "26-01-02",
        "20260102",
        "02/01/2026",
        "2026-01-02T",
        "2026-01-02T10",
        "2026-01-02T10:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T10:60:00Z",
        "2026-01-02T10:00:61Z",
        "2026-01-02 10:00:00Z",
        "2026-01-02t10:00:00z",
        "2026-01-02T10:00:00+14:30",
        "2026-01-02T10:00:00+01",
        "2026-01-02T10:00:00.Z",
        "2026-01-02T10:00:00Z and later",
        "2026-02T10:00:00Z",
        "0000",
        "0000-01-01",
        "0001-01-01T00:00:00+14:00",
        "2\u066026-01-02",
        "\uff12026-01-02",
        "2026-01-02T10:00:00.\u0661Z",
    ],
)
def test_what_is_no_r4_datetime_is_no_date(text: str | None) -> None:
    assert CLOCK.read(text) is None


# ---- elapsed time and windows ----


def test_elapsed_time_decides_between_instants_and_calendar_days_otherwise() -> None:
    early, late = at("2026-03-01T23:00:00Z"), at("2026-03-02T01:00:00Z")
    assert late.since(early) == timedelta(hours=2)
    assert late.since(Moment(date(2026, 3, 1))) == DAY
    assert Moment(date(2026, 3, 2)).since(early) == DAY


def test_later_is_strict_and_a_date_is_not_later_than_a_time_of_its_day() -> None:
    morning, evening, day = at("2026-03-01T08:00:00Z"), at("2026-03-01T20:00:00Z"), at("2026-03-01")
    assert evening.is_after(morning)
    assert not morning.is_after(evening)
    assert not morning.is_after(morning)
    assert not day.is_after(morning)
    assert not evening.is_after(day)
    assert at("2026-03-02").is_after(evening)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("2026-02-16T10:00:00Z", True),
        ("2026-02-16T09:59:59Z", False),
        ("2026-02-16", True),
        ("2026-02-15", False),
        ("2026-02-16T00:30:00+14:00", False),
        ("2026-03-02", True),
        ("2030", True),
    ],
)
def test_a_window_holds_its_edge(text: str, inside: bool) -> None:
    assert CLOCK.within(at(text), 14 * DAY) is inside


@pytest.mark.parametrize(("text", "inside"), [("2026-03-02T06:00:00Z", True), ("2026-03-02T05:59:59Z", False)])
def test_a_window_of_hours_holds_its_edge(text: str, inside: bool) -> None:
    assert CLOCK.within(at(text), timedelta(hours=4)) is inside


def test_a_window_of_hours_holds_no_date() -> None:
    assert not CLOCK.within(at("2026-03-02"), timedelta(hours=4))
    assert CLOCK.within(at("2026-03-02"), DAY)


def test_no_window_holds_an_unknown_moment() -> None:
    assert not CLOCK.within(None, timedelta(days=100_000))


# ---- the newest of several ----


@pytest.mark.parametrize(
    ("written", "last"),
    [
        ([], []),
        (["2026-03-01", "2026-02-01"], ["2026-03-01"]),
        (["2026-03-01T08:00:00Z", "2026-03-01T20:00:00Z"], ["2026-03-01T20:00:00Z"]),
        (["2026-03-01T20:00:00Z", "2026-03-01T21:00:00+01:00"], ["2026-03-01T20:00:00Z", "2026-03-01T21:00:00+01:00"]),
        (["2026-03-01T20:00:00Z", "2026-03-01"], ["2026-03-01T20:00:00Z", "2026-03-01"]),
        (["2026-03-01", "2026-02-28T20:00:00Z"], ["2026-03-01"]),
        (["2026-03-01T20:00:00Z", "2026-02-28"], ["2026-03-01T20:00:00Z"]),
        (["no date", "2026-02-01"], ["2026-02-01"]),
        (["no date"], []),
        (["2026-03", "2026-02-10"], ["2026-03"]),
    ],
)
def test_the_newest_are_those_that_none_is_later_than(written: list[str], last: list[str]) -> None:
    assert newest(written, CLOCK.read) == last
    assert sorted(newest(written[::-1], CLOCK.read)) == sorted(last)


def test_a_moment_is_written_as_its_day() -> None:
    assert str(at("2026-03-01T20:00:00Z")) == "2026-03-01"
