"""Failures that a client must not be told of: it is answered with no cards, and the log alone knows better.

A site asks for it by `on_error = "empty"`, where an EHR shows an error to whoever charts. It is off by default: no
cards means "nothing to say", and a failure that looks so is a false reassurance.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import HTTPException

from service.middleware.log import COUNTS, fault, logger
from service.operations.families import OTHER
from service.operations.metrics import METRICS
from service.wire.refusal import MissingDataRefusedError, OtherPatientRefusedError, RefusedError

NO_CARDS = b'{"cards":[]}'


def no_cards_instead(answered: Callable[[], Response]) -> Response:
    """The answer, or no cards where it would be 412, 422 or 500; the log says which, as `hidden`.

    What the caller itself did wrong it is told as ever: the other errors are raised.
    """
    try:
        return answered()
    except (MissingDataRefusedError, OtherPatientRefusedError) as error:
        status = error.status
    except (HTTPException, RefusedError):
        raise
    except Exception as error:
        status = 500
        METRICS.faults.add(OTHER, OTHER)
        logger().error("fault", **fault(error))
    request.environ[COUNTS]["hidden"] = status
    return Response(NO_CARDS, mimetype="application/json")
