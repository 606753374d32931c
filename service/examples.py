"""The examples in fhir_examples: whole patients, shifted in time so that they never go out of date."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from msgspec import Struct

from service.errors import ServiceError

MASK = "00000000-0000-4000-8000-000000000000"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"
_DATE = r"\d{4}\\?-\d\d\\?-\d\d"  # Markdown escapes the hyphens in text from the record
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SHORT = rf"\d{{1,2}} (?:{'|'.join(_MONTHS)})"  # a day within the last months, as cards write it
# Not inside an id, a longer number or a URL.
_MOMENT = re.compile(rf"(?<![\w./-])(?:({_INSTANT})|({_DATE})|({_SHORT}))(?![\w/-])")
_LEAP_YEAR = 2024
_DAY = timedelta(days=1)
_TOLERANCE = timedelta(minutes=5)


class UnknownExampleError(ServiceError):
    """There is no example of this name; the message suggests similar names."""


class Example(Struct, frozen=True):
    """One patient: a transaction Bundle for a FHIR server, the hook request, and the expected answer.

    `now` is the moment for which all three are written.
    """

    name: str
    title: str
    story: str
    now: datetime
    bundle: dict[str, Any]
    request: dict[str, Any]
    response: dict[str, Any]

    def at(self, now: datetime) -> Example:
        """The same patient, shifted to another moment."""
        bundle, request, response = (moved(part, self.now, now) for part in (self.bundle, self.request, self.response))
        return Example(self.name, self.title, self.story, now, bundle, request, response)


def names(root: Traversable | None = None) -> dict[str, str]:
    """The title of each example by name, in the order of index.toml."""
    return {name: entry["title"] for name, entry in _index(root or _shipped())["examples"].items()}


def load(name: str, root: Traversable | None = None) -> Example:
    """One example as it is stored. Raises UnknownExampleError."""
    root = root or _shipped()
    index = _index(root)
    entry = index["examples"].get(name)
    if entry is None:
        raise UnknownExampleError(f"there is no example {name!r}; {_nearest(name, index['examples'])}")
    parts = [json.loads(root.joinpath(name, f"{part}.json").read_text("utf-8")) for part in _PARTS]
    return Example(name, entry["title"], entry.get("story", ""), index["now"], *parts)


def _nearest(name: str, known: Collection[str]) -> str:
    """A hint at what may have been meant: similar names first, then names that contain a similar word."""
    words = {word for one in known for word in one.split("-")}
    spelt = name[:_LONGEST_NAME].lower().replace("_", "-").replace(" ", "-")
    asked = [word for word in spelt.split("-") if len(word) >= _LEAST_LETTERS]
    alike = {like for word in asked for like in get_close_matches(word, words, n=_MOST_NEAR, cutoff=_ALIKE)}
    holding = sorted(known, key=lambda one: -len(alike.intersection(one.split("-"))))
    holding = [one for one in holding if alike.intersection(one.split("-"))]
    written = get_close_matches(spelt, known, n=_MOST_NEAR)
    near = list(dict.fromkeys([*written, *holding]))[:_MOST_NEAR]
    return f"did you mean {', '.join(near)}?" if near else "`foot-drop-cds example` lists them all"


_MOST_NEAR, _LEAST_LETTERS, _LONGEST_NAME, _ALIKE = 4, 3, 100, 0.7
_PARTS = ("bundle", "request", "response")


def _shipped() -> Traversable:
    return files("fhir_examples")


def _index(root: Traversable) -> dict[str, Any]:
    return _parsed(root.joinpath("index.toml").read_text("utf-8"))


@lru_cache(maxsize=4)  # every example that is loaded needs it
def _parsed(index: str) -> dict[str, Any]:
    return tomllib.loads(index)


def moved(document: Any, from_: datetime, to: datetime) -> Any:
    """The document with every instant and date shifted from one moment to another, in text as well.

    Instants are shifted by the exact difference, dates by the number of calendar days. Each keeps its form:
    offset, fraction of a second, Markdown's backslashes. A day and month without a year is in the year up to `from_`.
    """
    today = from_.astimezone(to.tzinfo).date()
    days = to.date() - today
    return _in_texts(document, lambda text: _MOMENT.sub(lambda match: _move(match, to - from_, days, today), text))


def mask(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, with a constant in place of each uuid that the service generates."""
    generated = set(_generated(answer))
    masked: dict[str, Any] = _in_texts(
        answer, lambda text: _UUID.sub(lambda uuid: MASK if uuid[0] in generated else uuid[0], text)
    )
    return masked


def _generated(answer: dict[str, Any]) -> Iterator[str]:
    """The ids of the cards, their suggestions and the orders that these create."""
    for card in answer["cards"]:
        yield card["uuid"]
        for suggestion in card.get("suggestions", ()):
            yield suggestion["uuid"]
            for action in suggestion["actions"]:
                if action["type"] == "create":
                    yield action["resource"]["id"]


def _in_texts(document: Any, change: Callable[[str], str]) -> Any:
    if isinstance(document, dict):
        return {key: _in_texts(value, change) for key, value in document.items()}
    if isinstance(document, list):
        return [_in_texts(value, change) for value in document]
    return change(document) if isinstance(document, str) else document


def _move(match: re.Match[str], difference: timedelta, days: timedelta, today: date) -> str:
    instant, day, short = match.groups()
    try:
        if short is not None:
            later = _recent_day(short, today) + days
            return _said(later)
        if day is not None:
            text = (_day(day) + days).isoformat()
            return text.replace("-", "\\-") if "\\" in day else text
        text = (datetime.fromisoformat(instant) + difference).isoformat(
            timespec="milliseconds" if "." in instant else "seconds"
        )
    except (ValueError, OverflowError):
        return match[0]
    return text.removesuffix("+00:00") + "Z" if instant.endswith("Z") else text


def _day(text: str) -> date:
    return date.fromisoformat(text.replace("\\", ""))


def _recent_day(text: str, today: date) -> date:
    """The latest such day up to tomorrow. Raises ValueError for a day that the month does not have."""
    number, month = text.split()
    day = date(today.year, _MONTHS.index(month) + 1, int(number))
    return day if day <= today + timedelta(days=1) else day.replace(year=today.year - 1)


def _said(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"


def differences(expected: Any, actual: Any, where: str = "answer") -> Iterator[str]:
    """Where two masked answers differ, apart from the time that passed between them.

    Instants may differ by up to five minutes and dates by one day, since a date may be the day of an instant.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected.keys() | actual.keys():
            if key in expected and key in actual:
                yield from differences(expected[key], actual[key], f"{where}.{key}")
            else:
                yield f"{where}.{key} is {'missing' if key in expected else 'not expected'}"
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{where} has {len(actual)} elements, not {len(expected)}"
        for number, (wanted, received) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(wanted, received, f"{where}[{number}]")
    elif isinstance(expected, str) and isinstance(actual, str):
        if not _same_text(expected, actual):
            yield f"{where} is {actual!r}, not {expected!r}"
    elif expected != actual:
        yield f"{where} is {actual!r}, not {expected!r}"


def _same_text(expected: str, actual: str) -> bool:
    if expected == actual:
        return True
    if _MOMENT.sub("", expected) != _MOMENT.sub("", actual):
        return False
    pairs = zip(_MOMENT.finditer(expected), _MOMENT.finditer(actual), strict=True)
    return all(_near(wanted, received) for wanted, received in pairs)


def _near(wanted: re.Match[str], received: re.Match[str]) -> bool:
    if wanted[1] and received[1]:
        return abs(datetime.fromisoformat(wanted[1]) - datetime.fromisoformat(received[1])) <= _TOLERANCE
    if wanted[2] and received[2]:
        return abs(_day(wanted[2]) - _day(received[2])) <= timedelta(days=1)
    if wanted[3] and received[3]:
        day = _recent_day(wanted[3], date(_LEAP_YEAR, 12, 31))
        return any(_said(near) == received[3] for near in (day - _DAY, day, day + _DAY))
    return False
