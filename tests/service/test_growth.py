"""Twice as much of anything costs about twice as much, of the whole request."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.support import hostile
from tests.support.hostile.cost import Cost, grows

SIZE = 512 * 1024  # here what has a thousand elements is read element by element already, which costs a step of its own


@pytest.fixture(scope="module")
def cost(app: Flask) -> Cost:
    return Cost(app)


@pytest.mark.parametrize("shape", hostile.shapes())
def test_twice_as_much_costs_at_most_two_and_a_half_times_as_much(cost: Cost, shape: str) -> None:
    assert grows(lambda size: cost.of(shape, size), SIZE) == ""
