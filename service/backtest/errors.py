"""The error that ends a backtest."""

from __future__ import annotations

from service.errors import ServiceError


class BacktestError(ServiceError):
    """The export cannot be read, or the result cannot be written; the message says what to do."""
