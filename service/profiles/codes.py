"""Codes of only letters and digits, for EHRs that accept no others, and their meaning when EHRs report them back."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cards.language.verdict import Indicator

LONGEST = 100  # characters: Epic, source.topic.code
_OTHER = re.compile(r"[^A-Za-z0-9]")


def plain_code(code: str) -> str:
    """The code without its hyphens: `patientdeclined` of `patient-declined`."""
    return _OTHER.sub("", code)


def plain_topic(rule: str, indicator: Indicator) -> str:
    """The topic of a rule's card: `lumbarmriwarning`.

    Epic remembers an override by the topic. If the topic were the same for every card of the rule, a user who overrides
    a quiet card would not see the loud one that comes when strength falls.
    """
    return plain_code(rule) + indicator


def read_back(code: str, known: Iterable[str]) -> str | None:
    """The known code that an EHR means by a code that was sent to it, plain or not; None if it is none of them."""
    return next((ours for ours in known if code in (ours, plain_code(ours))), None)


def check_rules(rules: Iterable[str]) -> None:
    """Check that plain topics are different for every rule. Raises ValueError."""
    names: dict[str, str] = {}
    for rule in rules:
        for topic in _topics(rule):
            if not plain_code(rule) or len(topic) > LONGEST:
                raise ValueError(f"{rule} has no topic of at most {LONGEST} letters and digits")
            if (other := names.setdefault(topic, rule)) != rule:
                raise ValueError(f"{other} and {rule} have the same topic when it is written without hyphens")


def _topics(rule: str) -> list[str]:
    return [plain_topic(rule, indicator) for indicator in Indicator]
