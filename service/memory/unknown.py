"""Codes that no value set knows, kept from every hundredth answer: only codes, and nothing that tells whose."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import count
from secrets import token_hex

from cards.record.codes import Codes
from cards.record.records import Resource
from cards.record.unknown_codes import unknown_codes
from service.memory.rows import UnknownCode

EVERY = 100  # one answer in so many is sampled: looking at every one costs as much as the rules
MOST_RECORDS = 2_000
"""Patients with more records than this are not sampled."""
_DAY_MS = 86_400_000
# Some records hold free text in place of a code.
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,39}")
_SYSTEM = re.compile(r"(?:https?://|urn:)[A-Za-z0-9._:/#-]{1,79}")


class Sampling:
    """Looks at the codes of one answer in a hundred."""

    def __init__(self) -> None:
        self._numbers = count()

    def rows(self, records: Collection[Resource], codes: Codes, at: int, client: str) -> tuple[UnknownCode, ...]:
        """The rows of an answer to a client: none, or one without a code and one for each unknown code.

        They give only the day, and nothing in them leads to the evaluation.
        """
        if next(self._numbers) % EVERY or len(records) > MOST_RECORDS:
            return ()
        own = token_hex(8), at - at % _DAY_MS, client
        told = [UnknownCode(*own, *one) for one in codes_alone(records, codes)]
        return (UnknownCode(*own, "", "", "", ""), *told)


def codes_alone(records: Iterable[Resource], codes: Codes) -> Iterator[tuple[str, str, str, str]]:
    """The codes that no value set knows, each as its prefetch key, system, code, and the key of ours that it resembles.

    A system that may be free text is left empty; a code that may be free text is skipped.
    """
    for key, unknown in unknown_codes(records, codes).items():
        for one in unknown.codes:
            if _CODE.fullmatch(one.code):
                yield key, one.system if _SYSTEM.fullmatch(one.system) else "", one.code, one.looks_like
