"""A dossier as text, at most 80 columns wide, to be read before `signoff add`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from cards.language.rule import Rule
from cards.record.words import printable
from service.signoff.dossier import Dossier
from service.signoff.records import NO_SIGNATURE, Record
from service.signoff.spoken import Spoken
from service.signoff.standing import Standing, State

WIDTH = 80


def show(read: Dossier) -> Iterator[str]:
    """The lines of a dossier."""
    rule = read.rule
    yield from _wrapped(f"{rule.id} {rule.version}: {rule.title}")
    yield from _wrapped(f"SHA-256 {read.description.sha256}")
    yield from _standing(read.standing)
    yield from _wrapped(NO_SIGNATURE)
    yield from _changed(read)
    yield from _cases(read)
    yield from _section("What it can print", ["Braces mark what is filled in; an example follows."])
    yield from _spoken(read.words.own)
    yield from _section("What it takes from the shared definitions")
    yield from _spoken(read.words.shared)
    yield from _thresholds(read)
    yield from _evidence(read)
    yield from _limits(read)
    yield from _codes(read)


def _standing(standing: Standing) -> Iterator[str]:
    yield from _wrapped(f"Sign-off: {standing.state}" + (f", {standing.why}" if standing.why else ""))
    if standing.record is not None:
        yield from _wrapped(by(standing.record), "  ")


def by(record: Record) -> str:
    """Who signed what, and when, in one sentence."""
    parts = [
        f"Version {record.version} was approved by {record.name}, {record.role}, for {record.body} on {record.date}"
    ]
    parts += [f"until {record.expires}"] if record.expires else []
    conditions = f" Conditions: {record.conditions}" if record.conditions else ""
    return f"{' '.join(parts)} (foot-drop-cds {record.package}).{conditions}"


def _changed(read: Dossier) -> Iterator[str]:
    if read.standing.record is None:
        return
    yield from _section("What has changed since it was signed")
    if read.changed is None:
        yield from _wrapped(
            "There is no copy of what was signed next to the sign-offs, so nothing can be compared.", "  "
        )
    else:
        yield from _items(read.changed or ["Nothing."], mark="")


def _cases(read: Dossier) -> Iterator[str]:
    speaks = [case for case in read.description.cases if "card" in case]
    silent = [case for case in read.description.cases if "card" not in case]
    yield from _section("When it speaks")
    yield from _items(f"{case['name']} ({_level(case['card'])})" for case in speaks)
    yield from _section("When it is silent")
    yield from _items(case["name"] for case in silent)


def _level(card: object) -> str:
    return str(card["indicator"] if isinstance(card, dict) else card)


def _spoken(told: Iterable[Spoken]) -> Iterator[str]:
    for one in told:
        yield from _item(" ".join(one.text.split()))
        if one.example and one.example != one.text:
            yield from _wrapped(f"e.g. {one.example}", "    ")
        if one.where:
            yield from _wrapped(f"({one.where})", "    ")


def _thresholds(read: Dossier) -> Iterator[str]:
    yield from _section("Thresholds")
    for path, line in read.thresholds:
        yield from _item(path.removeprefix("cards."))
        yield from _wrapped(" ".join(line.split()), "    ")


def _evidence(read: Dossier) -> Iterator[str]:
    rule, appraised = read.rule, read.appraised
    yield from _section("What it stands on")
    yield from _items([f"{rule.source.label} ({rule.strength}; quality: {rule.quality})"])
    yield from _items(
        f"{source['branch']}: {source['label']}"
        for source in read.description.texts["sources"].values()
        if source["branch"]
    )
    yield from _section("Where guidance disagrees, and what the card says")
    yield from _items(appraised.conflicts or ["Nothing is recorded."])
    yield from _section("Departures from the clinical rules as they were first written")
    yield from _items((f"{departure.number} {departure.text}" for departure in read.departures), mark="")


def _limits(read: Dossier) -> Iterator[str]:
    yield from _section("What it does not recognise")
    yield from _items(
        f"Not evaluated, since no code could be verified: {term}" for term in read.appraised.not_evaluated
    )
    yield from _items(f"{title}. Does not count: {excluded}" for title, excluded in read.excludes)
    yield from _items(read.appraised.caveats)


def _codes(read: Dossier) -> Iterator[str]:
    yield from _section("Codes and names that count")
    for key, value_set in read.description.value_sets.items():
        yield from _item(f"{key}: {value_set['title']}")
        for member, value in value_set.items():
            if member == "title":
                continue
            for name, listed in value.items() if isinstance(value, dict) else [("", value)]:
                entries = listed if isinstance(listed, list) else [listed]
                told = (" ".join(map(str, one)) if isinstance(one, list) else str(one) for one in entries)
                yield from _wrapped(f"{member} {name} {'; '.join(told)}", "    ")


def _section(title: str, remarks: Iterable[str] = ()) -> Iterator[str]:
    yield ""
    yield from _wrapped(title.upper())
    for remark in remarks:
        yield from _wrapped(remark)


def _items(texts: Iterable[str], mark: str = "- ") -> Iterator[str]:
    for text in texts:
        yield from _item(text, mark)


def _item(text: str, mark: str = "- ") -> Iterator[str]:
    yield from _wrapped(f"{mark}{text}", "  ", "    ")


def _wrapped(text: str, indent: str = "", hanging: str | None = None) -> Iterator[str]:
    """The text in lines that fit; what a file holds cannot move the cursor."""
    further = indent if hanging is None else hanging
    yield from textwrap.wrap(
        printable(text), WIDTH, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False
    )


def listed(rule: Rule, standing: Standing) -> Iterator[str]:
    """A rule in the list of sign-offs."""
    yield from _wrapped(f"{rule.id} {rule.version}: {standing.state}" + (f", {standing.why}" if standing.why else ""))
    if standing.record is not None and standing.state is not State.UNSIGNED:
        yield from _wrapped(by(standing.record), "  ")
