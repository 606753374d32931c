"""Whether a rule's firing rate has changed suddenly: a p-chart with the limits of Laney's p'-chart.

The share p of evaluations in which a rule has a card to show is compared, for each day or week, with the mean share of
the first 20. The limits are three standard deviations of a binomial proportion from the mean, p ± 3·√(p(1-p)/n)
(NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.2), times a factor for the natural variation of such a share
from day to day, which with thousands of evaluations a day exceeds chance (D. B. Laney, Improved control charts for
attributes, Quality Engineering 14 (2002), 531-537). If few cards are expected, the binomial distribution is skewed;
then its exact quantiles are the limits if they are wider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

BASELINE = 20  # points from which the limits are computed; limits from fewer points are trial limits
FEWEST = 8  # with fewer points there are no limits
_SIGMAS = 3
_TAIL = 0.00135  # the part of a normal distribution beyond three standard deviations
_FEW = 30  # up to this many expected cards the quantiles are computed exactly
_MEAN_RANGE = 1.128  # d2 for two: the mean range of two normal values, in standard deviations


class Limits(Struct, frozen=True):
    """The shares between which a point is expected, and whether it lies outside: `above`, `below`, or empty."""

    lower: float
    upper: float
    alarm: str = ""


class Chart(Struct, frozen=True):
    """The mean share and the limits of each point; `is_trial` if they are based on fewer than 20 points.

    A point without evaluations has no limits; without enough points there is no mean either.
    """

    mean: float | None
    limits: tuple[Limits | None, ...]
    is_trial: bool = False


def chart(cards: Sequence[int], evaluations: Sequence[int]) -> Chart:
    """The chart for these numbers of cards and evaluations, point by point."""
    points = [place for place, count in enumerate(evaluations) if count]
    if len(points) < FEWEST:
        return Chart(None, tuple([None] * len(evaluations)))
    base = points[:BASELINE]
    mean = _mean(sum(cards[place] for place in base), sum(evaluations[place] for place in base))
    factor = _factor([_score(cards[place], evaluations[place], mean) for place in base])
    limits = [_limits(cards[place], count, mean, factor) if count else None for place, count in enumerate(evaluations)]
    return Chart(mean, tuple(limits), len(points) < BASELINE)


def _mean(cards: int, evaluations: int) -> float:
    """The share of cards; moved by half a card if it is 0 or 1, or else a single card would be an alarm for ever."""
    cards = min(cards, evaluations)
    return cards / evaluations if 0 < cards < evaluations else (cards + 0.5) / (evaluations + 1)


def _score(cards: int, evaluations: int, mean: float) -> float:
    deviation = math.sqrt(mean * (1 - mean) / evaluations)
    return (cards / evaluations - mean) / deviation if deviation else 0.0


def _factor(scores: Sequence[float]) -> float:
    """How much more the shares vary than by chance; at least 1, so that few points never narrow the limits."""
    ranges = [abs(score - before) for before, score in pairwise(scores)]
    return max(1.0, sum(ranges) / len(ranges) / _MEAN_RANGE)


def _limits(cards: int, evaluations: int, mean: float, factor: float) -> Limits:
    margin = _SIGMAS * factor * math.sqrt(mean * (1 - mean) / evaluations)
    lower, upper = max(0.0, mean - margin), min(1.0, mean + margin)
    if min(mean, 1 - mean) * evaluations <= _FEW:
        fewest, most = _quantiles(evaluations, mean)
        lower, upper = min(lower, fewest / evaluations), max(upper, most / evaluations)
    share = cards / evaluations
    return Limits(lower, upper, "above" if share > upper else "below" if share < lower else "")


def _quantiles(evaluations: int, mean: float) -> tuple[int, int]:
    """The numbers of cards below and above which one point in 740 is expected, on either side."""
    if mean > 0.5:
        fewest, most = _quantiles(evaluations, 1 - mean)
        return evaluations - most, evaluations - fewest
    if not mean:
        return 0, 0
    odds = mean / (1 - mean)
    term = math.exp(evaluations * math.log1p(-mean))
    reached, fewest, count = term, 0, 0
    while reached < 1 - _TAIL and count < evaluations:
        if reached < _TAIL:
            fewest = count + 1
        term *= (evaluations - count) / (count + 1) * odds
        count += 1
        reached += term
    return fewest, count
