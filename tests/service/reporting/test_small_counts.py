"""What is hidden stays hidden: no part can be worked out from what is shown."""

from __future__ import annotations

from itertools import product

import pytest

from service.reporting.small_counts import shown, split

LEAST = 3


def possible(total: int | None, parts: list[int | None], most: int) -> list[set[int]]:
    """The values that each part may have, for who adds and subtracts and knows that some hidden part is small."""
    hidden = [place for place, part in enumerate(parts) if part is None]
    seen = sum(part for part in parts if part is not None)
    values: list[set[int]] = [set() for _ in parts]
    for guess in product(range(most + 1), repeat=len(hidden)):
        fits = 0 < seen + sum(guess) < LEAST if total is None else seen + sum(guess) == total
        if fits and any(0 < value < LEAST for value in guess):
            for place, value in zip(hidden, guess, strict=True):
                values[place].add(value)
    return values


def test_a_hidden_part_may_have_several_values() -> None:
    for parts in product(range(5), repeat=3):
        check(parts)


def check(parts: tuple[int, ...]) -> None:
    """Of what is seen of these parts none that is hidden follows, and nothing is hidden without a cause."""
    total, seen = split(sum(parts), parts, LEAST)
    for part, value in zip(parts, seen, strict=True):
        assert value == part or (value is None and any(0 < one < LEAST for one in (*parts, sum(parts))))
    for value, of in zip(seen, possible(total, seen, 8), strict=True):
        assert value is not None or len(of) > 1


@pytest.mark.parametrize(
    ("parts", "total", "seen"),
    [
        ([40, 20, 10], 70, [40, 20, 10]),
        ([40, 0, 0], 40, [40, 0, 0]),
        ([40, 20, 2], 62, [40, None, None]),
        ([40, 4, 2], 46, [40, None, None]),
        ([40, 1, 1], 42, [None, None, None]),
        ([40, 3, 2], 45, [40, None, None]),
        ([40, 0, 2], 42, [None, 0, None]),
        ([1, 0, 0], None, [None, None, None]),
    ],
)
def test_so_much_is_hidden_and_no_more(parts: list[int], total: int | None, seen: list[int | None]) -> None:
    assert split(sum(parts), parts, 5) == (total, seen)


def test_a_sum_that_is_hidden_elsewhere_is_not_that_of_what_is_seen() -> None:
    assert split(30, [20, 10, 0], 5, is_hidden=True) == (None, [None, None, 0])


def test_a_zero_tells_of_nobody_and_one_hides_nothing() -> None:
    assert [shown(count, 5) for count in (0, 1, 4, 5)] == [0, None, None, 5]
    assert split(3, [2, 1], 1) == (3, [2, 1])
