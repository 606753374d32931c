"""A fault in one rule or one card costs that one alone, and is logged: the others still speak."""

from __future__ import annotations

from service.middleware.log import fault, logger
from service.operations.metrics import METRICS

IS_ISOLATED = True
"""Whether a fault stays in its rule. Only the tests turn it off, so that no fault hides from them."""


def contain(rule: str, place: str, error: Exception) -> None:
    """Log that a rule raised, and where: nothing of a patient. Raises the error again where nothing is isolated."""
    if not IS_ISOLATED:
        raise error
    METRICS.faults.add(rule, place)
    logger().error("fault", rule=rule, place=place, **fault(error))
