"""Codes of letters and digits alone, for EHRs that take no others, and the way back when they report them."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 100  # characters: Epic, source.topic.code
_OTHER = re.compile(r"[^A-Za-z0-9]")


def plain_code(code: str) -> str:
    """The code without its hyphens: `lumbarmri` of `lumbar-mri`."""
    return _OTHER.sub("", code)


def read_back(code: str, known: Iterable[str]) -> str | None:
    """Which of the known codes an EHR means by one that was sent to it, plain or not; None when it is none of them."""
    return next((ours for ours in known if code in (ours, plain_code(ours))), None)


def check_codes(codes: Iterable[str]) -> None:
    """Every code must keep its meaning when it is plain. Raises ValueError."""
    names: dict[str, str] = {}
    for code in codes:
        plain = plain_code(code)
        if not 0 < len(plain) <= LONGEST:
            raise ValueError(f"{code} has no form of 1 to {LONGEST} letters and digits")
        if (other := names.setdefault(plain, code)) != code:
            raise ValueError(f"{other} and {code} are the same without hyphens")
