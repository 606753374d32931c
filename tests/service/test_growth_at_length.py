"""The cost of every hostile shape at every size up to the largest that is read."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.support import hostile
from tests.support.hostile.cost import Cost, grows

MIB = 1024 * 1024
DOUBLED = [2 * MIB]  # test_growth.py asks the same of half a mebibyte
LARGE = [MIB, 31 * MIB]


@pytest.fixture(scope="module")
def cost(app: Flask) -> Cost:
    return Cost(app)


@pytest.mark.parametrize("size", DOUBLED)
@pytest.mark.parametrize("shape", hostile.shapes())
def test_twice_as_much_costs_at_most_two_and_a_half_times_as_much(cost: Cost, shape: str, size: int) -> None:
    assert grows(lambda bytes_: cost.of(shape, bytes_), size) == ""


@pytest.fixture(scope="module")
def ordinary(cost: Cost) -> dict[int, float]:
    return {size: cost.of_ordinary(size) for size in LARGE}


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize("shape", hostile.shapes())
def test_a_large_request_costs_what_an_ordinary_one_does(
    cost: Cost, ordinary: dict[int, float], shape: str, size: int
) -> None:
    assert cost.is_dear(shape, size, ordinary[size]) == ""
