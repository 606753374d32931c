"""Failures that are hidden from a client: the answer has no cards, and only the log shows the failure.

A site asks for this by `on_error = "empty"` if its EHR shows errors to clinicians while they chart. It is off by
default: no cards means "nothing to say", and a failure that looks like that is a false reassurance.
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
    """The answer, or no cards if it would be 412, 422 or 500; the log says which, as `hidden`.

    Errors that the caller itself made are reported as usual: all other errors are raised.
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
