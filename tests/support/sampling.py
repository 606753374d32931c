"""Which of many similar cases `make test` tries: a fixed share of them; `make test-long` tries all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.mark import ParameterSet


def one_in(share: int, cases: Iterable[object], start: int = 0) -> list[ParameterSet]:
    """The cases as parameters (a tuple is several); all except every `share`-th are marked long.

    `start` chooses which, so that the tests of a folder do not all try the same ones.
    """
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if (number - start) % share == 0 else pytest.mark.long,
        )
        for number, case in enumerate(cases)
    ]
