"""Which of many like cases `make test` tries: a fixed share of them; `make test-long` tries all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.mark import ParameterSet


def one_in(share: int, cases: Iterable[object], start: int = 0) -> list[ParameterSet]:
    """The cases as parameters (a tuple is several), all but every `share`-th marked as long.

    `start` chooses which, so that not every test of a folder tries the same ones.
    """
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if (number - start) % share == 0 else pytest.mark.long,
        )
        for number, case in enumerate(cases)
    ]
