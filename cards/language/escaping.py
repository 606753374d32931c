"""Text from the record, made safe to show: nothing in it can act as markup or break a line."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

from cards.record.words import printable

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:@=\"'/$^%])")
# Some clients turn plain text into links after rendering Markdown: an invisible word joiner prevents that.
_LINK_STARTS = re.compile(r"www(?=\\.)|\\:(?=\\/)|\\@", re.IGNORECASE)
_NO_MARKUP = {ord(mark): None for mark in "<>[]{}`*_~#|\\&!:"}
_SPACES = re.compile(r"\s+")


def one_line(words: str) -> str:
    """The words with single spaces between them."""
    is_one = words.isprintable() and "  " not in words  # nearly always: a space is the only printable white space
    return (words if is_one else _SPACES.sub(" ", words)).strip()


def plain(words: str | None, limit: int = 80) -> str:
    """The words on one line, without control, bidirectional or other invisible characters, cut at `limit`."""
    if words and words.isascii() and words.isprintable():
        line = one_line(words)  # nearly every text of a record
        return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    line = one_line(printable((words or "")[: limit * 4]))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def name(words: str | None, limit: int = 40) -> str:
    """A name from the record for a plain sentence or a button: anything that could act as markup is removed."""
    return plain(words, limit * 4).translate(_NO_MARKUP).strip()[:limit].rstrip() or "not named"


def markdown(words: str | None, limit: int = 200) -> str:
    """The words as literal text in GitHub Markdown: they cannot form emphasis, a link, image, HTML or an autolink.

    Angle brackets and ampersands become entities, for clients that render raw HTML.
    """
    line = plain(words, limit)
    escaped = _MARKUP.sub(lambda mark: _ENTITIES.get(mark[1], "\\" + mark[1]), line)
    return _LINK_STARTS.sub(lambda start: f"{start[0]}\u2060", escaped)


_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


@lru_cache
def days(span: timedelta) -> str:
    """A span as a clinician says it: hours on the first day, then days, weeks, months, years."""
    if span < timedelta(hours=1):
        return "today"
    count, unit = _counted(span)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def old(span: timedelta) -> str:
    """A span as an adjective: `5-day`, `7-month`."""
    count, unit = _counted(span)
    return f"{count}-{unit}"


def between(span: timedelta) -> str:
    """The time between two readings, rounded: `under an hour`, `5 hours`, `3 days`."""
    if span >= timedelta(days=1):
        return days(span + timedelta(hours=12))
    return "under an hour" if span < timedelta(hours=1) else days(span)


def listed(words: list[str]) -> str:
    """`a`, `a and b`, or `a, b and c`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else ""


def inside(words: str) -> str:
    """The words as written inside a sentence: with a small first letter, except for an acronym."""
    return words if words[1:2].isupper() or words[1:2] == "-" else words[:1].lower() + words[1:]


def sentence(words: str) -> str:
    """The words with a capital first letter."""
    return words[:1].upper() + words[1:]


def _counted(span: timedelta) -> tuple[int, str]:
    if span.days < 1:
        return int(span.total_seconds() // 3600), "hour"
    if span.days < 60:
        return span.days, "day"
    return (span.days // 30, "month") if span.days < 730 else (span.days // 365, "year")
