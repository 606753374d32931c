"""A fault in one rule or card affects only that one and is logged: the others still speak."""

from __future__ import annotations

from service.middleware.log import fault, logger
from service.operations.metrics import METRICS

IS_ISOLATED = True
"""Whether a fault is confined to its rule. Only the tests turn this off, so that they see every fault."""


def contain(rule: str, place: str, error: Exception) -> None:
    """Log that a rule raised an error and where, without patient data. Raises the error again if not IS_ISOLATED."""
    if not IS_ISOLATED:
        raise error
    METRICS.faults.add(rule, place)
    logger().error("fault", rule=rule, place=place, **fault(error))
