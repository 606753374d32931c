"""The control chart: an even rate is no alarm, a sudden change is one, and few cards are not taken for a change."""

from __future__ import annotations

import math
import random

import pytest

from service.reporting.control_chart import BASELINE, FEWEST, chart


def drawn(shares: list[float], evaluations: int, seed: int) -> list[int]:
    """Cards in so many evaluations, by chance."""
    draw = random.Random(seed)
    return [sum(draw.random() < share for _ in range(evaluations)) for share in shares]


def alarms(cards: list[int], evaluations: int) -> list[int]:
    """The places of the points outside the limits."""
    told = chart(cards, [evaluations] * len(cards))
    return [place for place, limits in enumerate(told.limits) if limits and limits.alarm]


def test_the_limits_are_three_standard_deviations_where_shares_vary_by_chance() -> None:
    told = chart([100, 102] * 10, [1000] * 20)
    assert told.mean == 0.101
    assert told.limits[0] is not None
    assert told.limits[0].upper == pytest.approx(0.101 + 3 * math.sqrt(0.101 * 0.899 / 1000))
    assert told.limits[0].lower == pytest.approx(0.101 - 3 * math.sqrt(0.101 * 0.899 / 1000))
    assert not told.is_trial


@pytest.mark.parametrize(("evaluations", "share"), [(400, 0.1), (100, 0.03), (50, 0.01)])
def test_an_even_rate_is_hardly_ever_an_alarm(evaluations: int, share: float) -> None:
    count = sum(len(alarms(drawn([share] * 40, evaluations, seed), evaluations)) for seed in range(6))
    assert count <= 5, "one in 370 of 240 points is expected"


@pytest.mark.parametrize(("before", "after", "side"), [(0.05, 0.15, "above"), (0.2, 0.1, "below")])
def test_a_rate_that_doubles_or_halves_is_an_alarm_from_the_first_point(before: float, after: float, side: str) -> None:
    cards = drawn([before] * 25 + [after] * 5, 500, 1)
    told = chart(cards, [500] * 30)
    outside = [(place, limits.alarm) for place, limits in enumerate(told.limits) if limits and limits.alarm]
    assert outside == [(place, side) for place in range(25, 30)]


def test_what_varies_more_than_by_chance_widens_the_limits() -> None:
    cards = [place % 2 * 2000 + 4000 for place in range(30)]
    assert alarms(cards, 100_000) == []
    assert alarms([4000] * 20 + [6000] * 2, 100_000) == [20, 21]


def test_one_card_after_none_is_no_alarm_and_many_are() -> None:
    assert alarms([0] * 30 + [1], 100) == []
    assert alarms([0] * 30 + [9], 100) == [30]


def test_a_point_without_evaluations_has_no_limits_and_few_points_have_none() -> None:
    assert chart([1, 0, 1], [9, 0, 9]).mean is None
    told = chart([1] * 5 + [0] + [1] * FEWEST, [9] * 5 + [0] + [9] * FEWEST)
    assert told.limits[5] is None
    assert told.is_trial is (5 + FEWEST < BASELINE)
    assert told.limits[0] is not None
